"""Symmetrized functions: whole groups, Haar samples, weights, learned choices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit, groups, layers, reps
from symjax_models.ops.frames import Haar, WholeGroup, frames
from symjax_models.ops.symmetrization import Frame, identity_metric, prior_loss, symmetrize

WEIGHTS = np.random.default_rng(0).normal(size=(6, 6))


def plain(x):
    """Map features `[..., 6]` without any symmetry."""
    return jnp.tanh(x @ WEIGHTS.astype(x.dtype) + 0.3)


@pytest.mark.parametrize("group", [groups.C(4), groups.S(3), groups.Octahedral()], ids=repr)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 5e-6), ("float64", 1e-12)])
def test_average_over_a_finite_group_is_exact(group, dtype, tolerance):
    rep = (6 // group.n) * reps.vector(group)
    typed = reps.normal(jax.random.key(0), rep, (4,))

    def function(x):
        averaged = symmetrize(plain, source=WholeGroup(group), rep_in=rep, rep_out=rep)
        return reps.RepArray.from_flat(rep, averaged(x.flat))

    audit.assert_equivariant(function, typed, dtype=dtype, tolerance=tolerance)
    if dtype == "float64":
        bare = audit.equivariance_error(
            lambda x: reps.RepArray.from_flat(rep, plain(x.flat)), typed, dtype=dtype
        )
        assert bare.max > 1e-2


def test_haar_samples_come_to_the_average():
    group, x = groups.C(4), np.random.default_rng(1).normal(size=(3, 2)).astype(np.float32)

    def f(x):
        return jnp.tanh(x @ WEIGHTS[:2].astype(np.float32) + 0.3)

    options = {"rep_in": "vector", "rep_out": "invariant"}
    exact = symmetrize(f, source=WholeGroup(group), **options)(x)
    sampled = jax.jit(symmetrize(f, source=Haar(group, 4000, batch_axes=1), **options))
    drawn = sampled(x, key=jax.random.key(0))
    assert np.abs(drawn - exact).max() < 0.05
    assert np.abs(drawn - exact).max() > 0
    # Inputs of a batch have elements of their own.
    same = sampled(np.broadcast_to(x[:1], x.shape), key=jax.random.key(0))
    assert np.abs(same[0] - same[1]).max() > 0
    with pytest.raises(ValueError, match="need a key"):
        symmetrize(f, source=Haar(group, 2), **options)(x)


def test_padding_of_a_frame_counts_for_nothing():
    elements = jnp.stack([jnp.eye(2), jnp.full((2, 2), jnp.nan)])

    def source(x, *, key=None):
        return Frame(elements, elements, jnp.array([1.0, 0.0]))

    x = jnp.ones((3, 2))
    result = symmetrize(jnp.sin, source=source, rep_in="vector", rep_out="vector")(x)
    np.testing.assert_allclose(result, np.sin(1), rtol=1e-6)


def test_several_arguments_and_outputs():
    def f(points, scale):
        return points * scale, points.sum((-1, -2))

    averaged = symmetrize(
        f,
        source=frames(groups.SE(2)),
        rep_in=("point", "invariant"),
        rep_out=("vector", "invariant"),
    )
    points = np.random.default_rng(0).gamma(2.0, size=(2, 5, 2)).astype(np.float32)
    vectors, sums = averaged(points, jnp.float32(2.0))
    np.testing.assert_allclose(vectors, 2 * (points - points.mean(1, keepdims=True)), atol=1e-5)
    np.testing.assert_allclose(sums, 0, atol=1e-4)


def test_frames_of_every_group():
    kinds = [type(frames(g)).__name__ for g in (groups.O(2), groups.Lorentz(), groups.S(5))]
    assert kinds == ["PCAFrames", "LorentzFrames", "LaplacianSort"]
    assert isinstance(frames(groups.C(4)), WholeGroup)
    with pytest.raises(ValueError, match=r"no frames are known for SU\(2\)"):
        frames(groups.SU(2))
    with pytest.raises(ValueError, match="infinitely many elements"):
        WholeGroup(groups.SO(2))
    assert layers.frames is frames


@pytest.mark.parametrize("source", [WholeGroup(groups.C(4)), Haar(groups.SO(2), 2)], ids=repr)
def test_elements_keep_the_digits_of_inputs_behind_integers(source):
    with jax.enable_x64(True):
        frame = source((np.arange(3), np.zeros((3, 2))), key=jax.random.key(0))
        assert frame.elements.dtype == frame.weights.dtype == np.float64


def test_groups_of_another_dimension_are_refused():
    for source in (WholeGroup(groups.B(4)), Haar(groups.SO(4), 2)):
        function = symmetrize(lambda x: x, source=source, rep_in="point", rep_out="point")
        with pytest.raises(ValueError, match=r"vectors of 4 components for .*, got \[2, 3\]"):
            function(np.zeros((2, 3)), key=jax.random.key(0))
    itself = symmetrize(lambda x: x, source=groups.SO(3), rep_in="point", rep_out="point")
    with pytest.raises(ValueError, match=r"as frames\(SO\(3\)\)"):
        itself(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="expected a group such as"):
        frames("SO(3)")


def test_prior_and_identity():
    quarter = np.array([[0.0, -1.0], [1.0, 0.0]])
    elements = jnp.stack([jnp.eye(2), jnp.asarray(quarter)])[None]
    frame = Frame(elements, elements, jnp.ones((1, 2)))
    np.testing.assert_array_equal(identity_metric(frame), [1, 0])
    np.testing.assert_allclose(prior_loss(frame), [0, 1])
    logits = jnp.log(jnp.array([[0.5, 0.1], [0.5, 0.9]]))
    scored = Frame(elements, elements, jnp.ones((1, 2)), logits)
    np.testing.assert_allclose(prior_loss(scored), -np.log([0.5, 0.1]), rtol=1e-5)


def test_outputs_without_batch_axes_and_missing_actions_are_refused():
    points = np.random.default_rng(0).normal(size=(4, 5, 3))  # as many clouds as elements
    options = {"source": frames(groups.SO(3)), "rep_out": "invariant"}
    with pytest.raises(
        ValueError, match=r"first axes \[4\], those of the frame's batch, got .*\[\]"
    ):
        symmetrize(jnp.sum, rep_in="point", **options)(points)
    with pytest.raises(ValueError, match="one action per argument in rep_in, got 1 for 2"):
        symmetrize(lambda x, y: x + y, rep_in="point", **options)(points, points)
    with pytest.raises(ValueError, match="num_samples of at least 1, got 0"):
        Haar(groups.SO(3), 0)
