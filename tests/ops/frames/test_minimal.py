"""Minimal frames: exactness with permutations, controls, symmetric and degenerate clouds."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit, groups
from symjax_models.ops.frames import minimal
from symjax_models.ops.orthogonalization import gram_schmidt
from symjax_models.ops.symmetrization import Frame, symmetrize

TRIANGLE = np.array([[np.cos(a), np.sin(a), 0.0] for a in 2 * np.pi / 3 * np.arange(3)])
AXIS = np.array([0.0, 0.0, 1.0])
# A threefold axis, so that two principal moments agree: three choices tie.
PYRAMID = np.concatenate([TRIANGLE, [2 * AXIS, -AXIS, 3 * AXIS]])
OCTAHEDRON = np.concatenate([np.eye(3), -np.eye(3)])
PLANAR = np.random.default_rng(3).normal(size=(6, 3)) * [1.0, 1.0, 0.0]
COLLINEAR = np.array([-1.0, 0.3, 2.0, 2.5, -3.0, 0.0])[:, None] * [1.0, 2.0, 0.5]
COINCIDENT = np.ones((6, 3))
DEGENERATE = np.stack([PYRAMID, OCTAHEDRON, PLANAR, COLLINEAR, COINCIDENT])


def draw_points(count=6):
    return np.random.default_rng(0).normal(size=(2, count, 3))


def network(x):
    """Return a function of points with no symmetry but permutations: invariants and points."""
    rng = np.random.default_rng(0)
    sizes = [(3, 16), (16,), (16, 3)]
    first, bias, last = (jnp.asarray(rng.normal(size=size), x.dtype) for size in sizes)
    hidden = jnp.tanh(jnp.matmul(x, first, precision="highest") + bias)
    outputs = jnp.matmul(hidden, last, precision="highest")
    return outputs.mean(-2), outputs


def invariants(x):
    return network(x)[0]


def error_of(source, group, *, dtype="float64", points, permutations=True, only_invariants=False):
    kind = "point" if isinstance(group, (groups.SE, groups.E)) else "vector"
    function = symmetrize(
        invariants if only_invariants else network,
        source=source,
        rep_in="point",
        rep_out="invariant" if only_invariants else ("invariant", "point"),
    )
    return audit.equivariance_error(
        function,
        points,
        inputs=[kind],
        output="invariant" if only_invariants else ("invariant", kind),
        reflections=isinstance(group, (groups.O, groups.E)),
        permutations=permutations,
        dtype=dtype,
        num_samples=3,
    ).max


@pytest.mark.parametrize("group", [groups.SO(3), groups.E(3)], ids=repr)
def test_one_element_is_exact_under_the_group_and_permutations(group):
    source = minimal.MinimalFrames(group)
    assert error_of(source, group, dtype="float32", points=draw_points()) < 5e-6
    assert error_of(source, group, dtype="float64", points=draw_points()) < 1e-12


def first_rows(x, *, key=None):
    """Return the frame of the first three points: it depends on their order."""
    linear = gram_schmidt(jnp.swapaxes(x[..., :3, :], -1, -2))[None]
    weights = jnp.ones(linear.shape[:-2], linear.dtype)
    return Frame(linear, jnp.swapaxes(linear, -1, -2), weights)


def test_first_rows_fail_under_permutations_alone():
    points = draw_points()
    assert error_of(first_rows, groups.O(3), points=points, permutations=False) < 1e-12
    for dtype in ("float32", "float64"):
        assert error_of(first_rows, groups.O(3), points=points, dtype=dtype) > 1e-2


# Six choices of two points of the octahedron in a row, four of each; a third one for O(3).
@pytest.mark.parametrize(("group", "size"), [(groups.SE(3), 24), (groups.O(3), 48)], ids=repr)
def test_symmetric_and_degenerate_clouds_are_exact_with_all_choices(group, size):
    source = minimal.MinimalFrames(group, size=size)
    assert error_of(source, group, points=DEGENERATE, dtype="float32") < 5e-6
    assert error_of(source, group, points=DEGENERATE, dtype="float64") < 1e-12


# Inversion is a symmetry of both, so that a point and its opposite tie in length.
@pytest.mark.parametrize("group", [groups.SO(3), groups.O(3)], ids=repr)
@pytest.mark.parametrize(("sides", "size"), [((1, 0.7, 0.4), 8), ((1, 1, 1), 48)], ids=repr)
def test_boxes_are_exact_with_as_many_choices_as_symmetries(group, sides, size):
    corners = np.array(list(itertools.product((-1.0, 1.0), repeat=3))) * sides
    source = minimal.MinimalFrames(group, size=size)
    assert error_of(source, group, points=corners, dtype="float32") < 5e-6
    assert error_of(source, group, points=corners, dtype="float64") < 1e-12
    fewer = minimal.MinimalFrames(group, size=size // 4)
    assert error_of(fewer, group, points=corners) > 1e-2


def test_clouds_far_from_the_origin_are_exact_up_to_their_rounding():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(500, 8, 3)) + 100.0
    turn = np.asarray(groups.SO(3).sample(jax.random.key(1)), np.float64)
    function = jax.jit(
        symmetrize(
            invariants,
            source=minimal.MinimalFrames(groups.SE(3)),
            rep_in="point",
            rep_out="invariant",
        )
    )
    here, there = (
        np.asarray(function(x.astype(np.float32))) for x in (points, points[:, ::-1] @ turn.T)
    )
    is_wrong = np.abs(here - there).max(-1) > 1e-2
    assert is_wrong.mean() < 0.01  # rounding decides where two points are next to equally far


def test_too_few_choices_fail():
    source = minimal.MinimalFrames(groups.SE(3), size=5)
    assert error_of(source, groups.SE(3), points=OCTAHEDRON) > 1e-2


def test_invariants_of_dependent_points_are_exact_with_one_choice():
    source = minimal.MinimalFrames(groups.E(3))
    points = np.stack([PLANAR, COLLINEAR, COINCIDENT])
    assert error_of(source, groups.E(3), points=points, only_invariants=True) < 1e-12


def test_ties_beyond_the_size_are_exact_in_expectation():
    function = symmetrize(
        invariants, source=minimal.MinimalFrames(groups.SO(3)), rep_in="point", rep_out="vector"
    )
    turn = np.asarray(groups.SO(3).sample(jax.random.key(3)))
    # Three vectors of one length, of which any may come first, in two orders and poses.
    points = np.stack([np.eye(3), np.eye(3)[[2, 0, 1]] @ turn.T]).astype(np.float32)
    count = 1000
    draw = jax.jit(jax.vmap(lambda key: function(points, key=key)))
    values = np.asarray(draw(jax.random.split(jax.random.key(0), count)))
    here, there = values[:, 0] @ turn.T, values[:, 1]
    spread = np.sqrt((here.var(0) + there.var(0)) / count)
    assert (np.abs(here.mean(0) - there.mean(0)) < 5 * spread).all()
    once = np.asarray(jax.jit(function)(points))
    assert np.abs(once[0] @ turn.T - once[1]).max() > 10 * spread.max()


def test_the_elements_are_in_the_group_and_padding_changes_nothing():
    points = np.stack([PYRAMID, draw_points()[0]])
    frame = jax.jit(minimal.MinimalFrames(groups.SE(3), size=4))(points)
    assert groups.SE(3).contains(frame.elements).all()
    product = np.matmul(frame.elements, frame.inverses)
    np.testing.assert_allclose(product, np.broadcast_to(np.eye(4), product.shape), atol=1e-6)
    np.testing.assert_array_equal((np.asarray(frame.weights) > 0).sum(0), [3, 1])
    np.testing.assert_allclose(frame.weights.sum(0), 1, rtol=1e-6)

    padded = np.concatenate([points, np.full((2, 3, 3), np.nan)], axis=1)
    mask = np.broadcast_to(np.arange(9) < 6, (2, 9))
    found = jax.jit(minimal.MinimalFrames(groups.SE(3), size=4))(padded, mask=mask)
    is_kept = np.asarray(frame.weights) > 0
    np.testing.assert_allclose(found.weights, frame.weights)
    np.testing.assert_allclose(
        np.asarray(found.elements)[is_kept], np.asarray(frame.elements)[is_kept], atol=1e-6
    )


def test_much_padding_changes_the_choice_of_no_cloud():
    clouds = np.random.default_rng(1).normal(size=(100, 6, 3))
    clouds[::2] /= np.linalg.norm(clouds[::2], axis=-1, keepdims=True)  # equal lengths
    points = np.concatenate([DEGENERATE[:2], clouds])
    padded = np.concatenate([points, np.full((len(points), 30, 3), np.nan)], axis=1)
    mask = np.broadcast_to(np.arange(36) < 6, padded.shape[:2])
    with jax.enable_x64(True):
        source = jax.jit(minimal.MinimalFrames(groups.O(3), size=48))
        frame, found = source(points), source(padded, mask=mask)
    is_kept = np.asarray(frame.weights) > 0
    np.testing.assert_allclose(found.weights, frame.weights)
    np.testing.assert_allclose(
        np.asarray(found.elements)[is_kept], np.asarray(frame.elements)[is_kept], atol=1e-12
    )


def test_gradients_are_true_and_finite_at_degenerate_clouds():
    source = minimal.MinimalFrames(groups.SE(3), size=2)
    function = symmetrize(
        lambda x: invariants(x).sum(-1), source=source, rep_in="point", rep_out="invariant"
    )
    with jax.enable_x64(True):
        evaluate = jax.jit(jax.value_and_grad(lambda x: function(x).sum()))
        points, step = np.concatenate([draw_points(), DEGENERATE]), 1e-6
        direction = np.zeros_like(points)
        direction[:2] = np.random.default_rng(1).normal(size=(2, 6, 3))
        up, down = (float(evaluate(points + sign * step * direction)[0]) for sign in (1, -1))
        gradient = np.asarray(evaluate(points)[1])
    assert np.isfinite(gradient).all()
    np.testing.assert_allclose(np.sum(gradient * direction), (up - down) / (2 * step), rtol=1e-6)


def test_errors_name_what_fits():
    with pytest.raises(ValueError, match=r"SO\(d\), O\(d\).*Lorentz"):
        minimal.MinimalFrames(groups.Lorentz())
    with pytest.raises(ValueError, match="size of at least 1"):
        minimal.MinimalFrames(groups.O(3), size=0)
    with pytest.raises(ValueError, match=r"points \[..., N, 3\]"):
        minimal.MinimalFrames(groups.O(3))(np.ones((4, 2)))
