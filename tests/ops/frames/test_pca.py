"""Frames of principal axes: exactness, controls, degenerate points, gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit, groups
from symjax_models.ops.frames import PCAFrames
from symjax_models.ops.symmetrization import Frame, symmetrize

GROUPS = [groups.SO(3), groups.O(3), groups.SE(3), groups.E(3)]
STRETCH = np.array([1.0, 0.6, 0.3])


def draw_points(seed=0, batch=(2,), count=12, d=3):
    """Return points that no rotation leaves as they are, far from any degeneracy."""
    rng = np.random.default_rng(seed)
    return rng.gamma(2.0, size=(*batch, count, d)) * STRETCH[:d]


def make_network(seed=0, *, d=3):
    """Return a function of points without any symmetry but permutations."""
    rng = np.random.default_rng(seed)
    first, bias, last = rng.normal(size=(d, 16)), rng.normal(size=16), rng.normal(size=(16, d))

    def network(x):
        x = jnp.asarray(x)
        hidden = jnp.tanh(jnp.matmul(x, first.astype(x.dtype), precision="highest") + bias)
        outputs = jnp.matmul(hidden, last.astype(x.dtype), precision="highest")
        return outputs.mean(-2), outputs

    return network


def make_invariant(source):
    """Return a symmetrized function of points with invariant values."""
    network = make_network()
    return symmetrize(lambda x: network(x)[0], source=source, rep_in="point", rep_out="invariant")


def error_of(source, group, *, dtype, points=None, permutations=True):
    """Return the error of invariants and of points together."""
    has_shift = isinstance(group, (groups.SE, groups.E))
    kind = "point" if has_shift else "vector"
    return audit.equivariance_error(
        symmetrize(make_network(), source=source, rep_in="point", rep_out=("invariant", "point")),
        draw_points() if points is None else points,
        inputs=[kind],
        output=("invariant", kind),
        reflections=isinstance(group, (groups.O, groups.E)),
        permutations=permutations,
        dtype=dtype,
        num_samples=3,
    ).max


@pytest.mark.parametrize("signs", ["all", "moment"])
@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_exact(group, signs):
    source = PCAFrames(group, signs=signs)
    assert error_of(source, group, dtype="float32") < 5e-6
    assert error_of(source, group, dtype="float64") < 1e-12


def test_number_of_elements():
    sizes = {repr(group): PCAFrames(group)(draw_points()).size for group in GROUPS}
    assert list(sizes.values()) == [4, 8, 4, 8]
    assert PCAFrames(groups.SE(2))(draw_points(d=2)).size == 2


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_elements_belong_to_the_group_and_inverses_fit(group):
    frame = PCAFrames(group)(draw_points())
    assert group.contains(frame.elements).all()
    product = np.matmul(frame.elements, frame.inverses)
    np.testing.assert_allclose(product, np.broadcast_to(np.eye(group.n), product.shape), atol=1e-5)
    np.testing.assert_allclose(frame.weights.sum(0), 1, rtol=1e-6)


def signs_by_component_sums(x, *, key=None):
    """Return the frame whose eigenvectors have positive sums of components: it is no frame."""
    frame = PCAFrames(groups.E(3), signs="moment")(x)
    linear = frame.elements[..., :3, :3]
    signs = jnp.where(linear.sum(-2, keepdims=True) < 0, -1, 1)
    elements = frame.elements.at[..., :3, :3].multiply(signs)
    return Frame(elements, jnp.linalg.inv(elements), frame.weights)


def test_signs_by_component_sums_fail():
    for dtype in ("float32", "float64"):
        error = error_of(signs_by_component_sums, groups.E(3), dtype=dtype, permutations=False)
        assert error > 1e-2


def test_half_of_a_frame_fails():
    def half(x, *, key=None):
        frame = PCAFrames(groups.E(3))(x)
        return Frame(frame.elements[:4], frame.inverses[:4], 2 * frame.weights[:4])

    assert error_of(half, groups.E(3), dtype="float64") > 1e-2


@pytest.mark.parametrize(
    "points",
    [
        np.linspace(-1, 2, 7)[:, None] ** 3 * np.array([1.0, 2.0, 0.5]),  # collinear
        draw_points(batch=(), count=6) * np.array([1.0, 1.0, 0.0]),  # planar
        draw_points(batch=(), count=2),  # fewer points than dimensions
        np.ones((3, 3)),  # all in one place
    ],
    ids=["collinear", "planar", "two points", "coincident"],
)
def test_degenerate_points_stay_exact_with_all_signs(points):
    source = PCAFrames(groups.SE(3))
    assert error_of(source, groups.SE(3), dtype="float64", points=points) < 1e-12


def tall_tetrahedron():
    """Return points with a threefold axis: two eigenvalues agree."""
    angles = 2 * np.pi / 3 * np.arange(3)
    base = np.stack([3 * np.cos(angles), 3 * np.sin(angles), np.zeros(3)], axis=-1)
    return 0.5 * np.concatenate([base, [[0, 0, 5.0]]])


def test_repeated_eigenvalues_are_exact_in_expectation_only():
    points = tall_tetrahedron()
    function = make_invariant(PCAFrames(groups.SE(3)))
    rotations = np.asarray(groups.SO(3).sample(jax.random.key(5), (6,), dtype=jnp.float32))
    every = points @ rotations.swapaxes(1, 2)
    errors = np.abs(function(points) - function(every)).max(-1)
    bare, turned = errors.max(), every[errors.argmax()]
    assert bare > 1e-2  # the axes in the plane are whatever the algorithm says

    keys = jax.random.split(jax.random.key(0), 4000)
    here, there = (
        np.asarray(jax.jit(jax.vmap(lambda key, x=x: function(x, key=key)))(keys))
        for x in (points, turned)
    )
    error = np.sqrt((here.var(0) + there.var(0)) / len(keys))
    assert (np.abs(here.mean(0) - there.mean(0)) < 5 * error).all()
    assert 5 * error.max() < 0.3 * bare  # the comparison can tell


def test_axes_of_eigenvalues_that_differ_by_rounding_are_uniform():
    points = jnp.asarray(tall_tetrahedron() * (1 + 1e-6, 1, 1), jnp.float32)
    keys = jax.random.split(jax.random.key(0), 4000)
    frame = PCAFrames(groups.SO(3))
    axes = jax.vmap(lambda key: frame(points - points.mean(0), key=key).elements[0, :, 0])(keys)
    np.testing.assert_allclose(axes[:, 2], 0, atol=1e-5)  # that of the height is none of theirs
    double = 2 * np.arctan2(axes[:, 1], axes[:, 0])  # of lines, not of arrows
    for wave in (np.cos(double), np.sin(double), np.cos(2 * double), np.sin(2 * double)):
        assert abs(wave.mean()) < 5 * np.sqrt(0.5 / len(keys))


def test_a_key_leaves_axes_of_different_eigenvalues_alone():
    points = draw_points()
    bare, drawn = (PCAFrames(groups.E(3))(points, key=key) for key in (None, jax.random.key(0)))
    order = np.argsort(np.abs(bare.elements - drawn.elements[:, None]).sum((-1, -2)), axis=1)[:, 0]
    for sample in range(2):
        np.testing.assert_array_equal(
            bare.elements[order[:, sample], sample], drawn.elements[:, sample]
        )


def test_zero_third_moments_are_exact_in_expectation():
    half = draw_points(batch=(), count=5)
    points = np.concatenate([half, -half])  # symmetric under inversion: all third moments vanish
    every, moment = (make_invariant(PCAFrames(groups.O(3), signs=s)) for s in ("all", "moment"))
    keys = jax.random.split(jax.random.key(0), 2000)
    drawn = np.asarray(jax.vmap(lambda key: moment(points, key=key))(keys))
    error = drawn.std(0) / np.sqrt(len(keys))
    # One sign for all axes at a time: inversion fixes these points, so all 8 signs count.
    assert (np.abs(drawn.mean(0) - every(points)) < 5 * error + 1e-5).all()


def test_random_signs_are_the_frame_in_expectation():
    points = draw_points(batch=())
    function = make_invariant(PCAFrames(groups.SE(3), signs="random"))
    every = make_invariant(PCAFrames(groups.SE(3)))(points)
    keys = jax.random.split(jax.random.key(0), 2000)
    drawn = np.asarray(jax.vmap(lambda key: function(points, key=key))(keys))
    error = drawn.std(0) / np.sqrt(len(keys))
    assert (error > 1e-4).any()
    assert (np.abs(drawn.mean(0) - every) < 5 * error).all()
    assert len(np.unique(np.round(drawn[:, 0], 4))) == 4


def test_padding_changes_nothing():
    points = draw_points()
    padded = np.concatenate([points, 1e3 * np.ones((2, 3, 3))], axis=1)
    mask = np.arange(15) < 12
    plain = PCAFrames(groups.E(3))(points)
    masked = PCAFrames(groups.E(3))(padded, mask=np.broadcast_to(mask, (2, 15)))
    np.testing.assert_allclose(masked.elements, plain.elements, atol=2e-6)


def test_last_axis_is_kept():
    frame = PCAFrames(groups.SE(3), keep_last_axis=True)(draw_points())
    assert frame.size == 2
    np.testing.assert_array_equal(frame.elements[..., 2, :2], 0)
    np.testing.assert_array_equal(frame.elements[..., :2, 2], 0)
    np.testing.assert_array_equal(frame.elements[..., 2, 2], 1)
    assert groups.SE(3).contains(frame.elements).all()


def test_true_gradient_when_asked_for():
    points = draw_points(batch=())
    with jax.enable_x64(True):
        gradients = []
        for is_differentiable in (True, False):
            source = PCAFrames(groups.E(3), is_differentiable=is_differentiable)
            energy = make_invariant(source)
            total = jax.jit(lambda x, energy=energy: energy(x).sum())
            gradients.append(np.asarray(jax.grad(total)(points)))
            step = 1e-6
            measured = np.zeros_like(points)
            for index in np.ndindex(*points.shape):
                move = np.zeros_like(points)
                move[index] = step
                measured[index] = (total(points + move) - total(points - move)) / (2 * step)
    np.testing.assert_allclose(gradients[0], measured, atol=1e-8)
    assert np.abs(gradients[1] - measured).max() > 1e-3  # what a constant frame leaves out


def test_gradients_at_degenerate_points_are_finite():
    for points in (tall_tetrahedron(), np.zeros((4, 3)), np.ones((1, 3))):
        source = PCAFrames(groups.SE(3), is_differentiable=True)
        energy = make_invariant(source)
        assert np.isfinite(jax.grad(lambda x, energy=energy: energy(x).sum())(points)).all()


def test_second_derivatives_at_degenerate_points_are_finite():
    source = PCAFrames(groups.SO(3), is_differentiable=True)

    @jax.jit
    def second(x):
        slope = jax.grad(lambda x: jnp.sum(jnp.sin(source(x).inverses)))
        return jax.jvp(slope, (x,), (jnp.cos(x),))[1]

    for points in (tall_tetrahedron(), np.zeros((4, 3)), np.ones((4, 3))):
        assert np.isfinite(second(points)).all()


def test_integer_points_are_points():
    points = np.array([[0, 0, 0], [5, 0, 1], [0, 3, 0], [1, 0, -2]])
    frame = PCAFrames(groups.SE(3))(points)
    np.testing.assert_array_equal(frame.elements, PCAFrames(groups.SE(3))(points * 1.0).elements)
    np.testing.assert_allclose(frame.weights.sum(), 1)


def test_errors():
    with pytest.raises(ValueError, match=r"principal axes are for .* got SU\(2\)"):
        PCAFrames(groups.SU(2))
    with pytest.raises(ValueError, match="unknown signs 'al'; did you mean 'all'"):
        PCAFrames(groups.SO(3), signs="al")
    with pytest.raises(ValueError, match=r"expected points \[..., N, 3\].*\[4, 2\]"):
        PCAFrames(groups.SO(3))(np.zeros((4, 2)))
    with pytest.raises(ValueError, match=r"expected points \[..., N, 3\].*\[0, 3\]"):
        PCAFrames(groups.SO(3))(np.zeros((0, 3)))
    with pytest.raises(ValueError, match="random signs need a key"):
        PCAFrames(groups.SO(3), signs="random")(np.zeros((4, 3)))
