"""Frames of space and time: time-like, space-like and null sets, controls, gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit, groups, reps
from symjax_models.ops.frames import lorentz, minimal
from symjax_models.ops.symmetrization import Frame, symmetrize

RNG = np.random.default_rng(0)
VECTORS = RNG.normal(size=(6, 4))
SPACE = RNG.normal(size=(6, 3))
MASSLESS = np.concatenate([np.linalg.norm(SPACE, axis=-1, keepdims=True), SPACE], axis=-1)
# Pairs of vectors none of which is time-like, while their span holds time-like ones.
SPACE_LIKE = np.concatenate([0.8 * np.linalg.norm(SPACE, axis=-1, keepdims=True), SPACE], axis=-1)
RANK_TWO = VECTORS[:, :2] @ np.array([[2.0, 0.3, 0.1, 0.5], [0.4, 1.0, 0.2, 0.3]])
SETS = np.stack([VECTORS, MASSLESS, SPACE_LIKE])


def network(x):
    """Return a function of vectors with no symmetry but permutations: an invariant and vectors."""
    rng = np.random.default_rng(0)
    sizes = [(4, 16), (16,), (16, 4)]
    first, bias, last = (jnp.asarray(rng.normal(size=size), x.dtype) for size in sizes)
    hidden = jnp.tanh(jnp.matmul(x, first, precision="highest") / 4 + bias)
    outputs = jnp.matmul(hidden, last, precision="highest")
    return outputs[..., 0].mean(-1), outputs


def error_of(source, group, *, dtype, sets=SETS):
    """Return the error of invariants and of vectors, with the vectors of a set as channels."""
    V = reps.vector(group)
    rep = sets.shape[-2] * V
    function = symmetrize(network, source=source, rep_in="vector", rep_out=("invariant", "vector"))

    def typed(x):
        scalars, vectors = function(jnp.swapaxes(x[V], -1, -2))
        return scalars, reps.RepArray(rep, [jnp.swapaxes(vectors, -1, -2)])

    features = reps.RepArray(rep, [np.swapaxes(sets, -1, -2)])
    return audit.equivariance_error(typed, features, dtype=dtype, num_samples=4).max


@pytest.mark.parametrize(
    "group", [groups.Lorentz(), groups.IndefiniteO(1, 3), groups.IndefiniteSO(1, 3)], ids=repr
)
def test_exact_for_time_like_space_like_and_massless_vectors(group):
    source = lorentz.LorentzFrames(group)
    assert error_of(source, group, dtype="float32") < 5e-6
    assert error_of(source, group, dtype="float64") < 1e-12


def rotations_only(x, *, key=None):
    """Return a frame of the space parts as they are, without going to rest."""
    rotation = minimal.MinimalFrames(groups.SO(3))(x[..., 1:]).elements
    whole = jnp.zeros((*rotation.shape[:-2], 4, 4), x.dtype).at[..., 0, 0].set(1)
    whole = whole.at[..., 1:, 1:].set(rotation)
    return Frame(whole, jnp.swapaxes(whole, -1, -2), jnp.ones(whole.shape[:-2], x.dtype))


def test_rotations_alone_fail():
    for dtype in ("float32", "float64"):
        assert error_of(rotations_only, groups.Lorentz(), dtype=dtype) > 1e-2


def test_the_order_of_the_vectors_does_not_matter():
    source = lorentz.LorentzFrames(groups.Lorentz())
    evaluate = jax.jit(lambda x: source(x).elements)
    np.testing.assert_allclose(evaluate(SETS), evaluate(SETS[:, ::-1]), atol=2e-5)


def test_elements_belong_to_their_group():
    for group in (groups.Lorentz(), groups.IndefiniteSO(1, 3)):
        frame = jax.jit(lorentz.LorentzFrames(group))(np.concatenate([SETS, -SETS]))
        assert group.contains(frame.elements, tolerance=1e-4).all()
        product = np.matmul(frame.elements, frame.inverses)
        np.testing.assert_allclose(product, np.broadcast_to(np.eye(4), product.shape), atol=1e-4)


def test_a_span_of_two_dimensions_is_exact_with_all_choices():
    group = groups.Lorentz()
    source = lorentz.LorentzFrames(group, size=2)
    assert error_of(source, group, dtype="float64", sets=RANK_TWO) < 1e-12


def test_invariants_of_a_space_like_span_are_exact():
    still = np.concatenate([np.zeros((6, 1)), SPACE * [1.0, 1.0, 0.0]], axis=-1)
    function = jax.jit(
        symmetrize(
            lambda x: network(x)[0],
            source=lorentz.LorentzFrames(groups.Lorentz()),
            rep_in="vector",
            rep_out="invariant",
        )
    )
    with jax.enable_x64(True):
        sample = jax.jit(lambda key: groups.Lorentz().sample(key, (3,), dtype=jnp.float64))
        g = np.asarray(sample(jax.random.key(1)))
        moved = np.einsum("kij,nj->kni", g, still)
        np.testing.assert_allclose(function(moved), np.full(3, function(still[None])), rtol=1e-10)


def test_the_direction_of_time_is_drawn_where_nothing_tells_it():
    balanced = np.concatenate([VECTORS, -VECTORS]).astype(np.float32)
    source = lorentz.LorentzFrames(groups.IndefiniteO(1, 3))
    draw = jax.jit(jax.vmap(lambda key: source(balanced, key=key).elements[0, 0, 0]))
    is_forward = np.asarray(draw(jax.random.split(jax.random.key(0), 400))) > 0
    assert abs(is_forward.mean() - 0.5) < 5 * 0.5 / 20


def test_gradients_are_true():
    source = lorentz.LorentzFrames(groups.Lorentz())
    function = symmetrize(
        lambda x: network(x)[0], source=source, rep_in="vector", rep_out="invariant"
    )
    with jax.enable_x64(True):
        evaluate = jax.jit(jax.value_and_grad(lambda x: function(x).sum()))
        direction, step = np.random.default_rng(1).normal(size=SETS.shape), 1e-6
        up, down = (float(evaluate(SETS + sign * step * direction)[0]) for sign in (1, -1))
        slope = np.sum(evaluate(SETS)[1] * direction)
        still = np.concatenate([np.zeros((6, 1)), SPACE], axis=-1)
        degenerate = np.stack([still, np.zeros((6, 4)), np.ones((6, 1)) * MASSLESS[:1]])
        assert np.isfinite(evaluate(degenerate)[1]).all()
    np.testing.assert_allclose(slope, (up - down) / (2 * step), rtol=1e-6)


def test_errors_name_what_fits():
    with pytest.raises(ValueError, match=r"at least two dimensions of space, got IndefiniteSO"):
        lorentz.LorentzFrames(groups.IndefiniteSO(1, 1))
    with pytest.raises(ValueError, match=r"Lorentz\(\), IndefiniteSO\(1, q\)"):
        lorentz.LorentzFrames(groups.IndefiniteO(2, 2))
    with pytest.raises(ValueError, match=r"points \[..., N, 4\]"):
        lorentz.LorentzFrames(groups.Lorentz())(np.ones((5, 3)))
