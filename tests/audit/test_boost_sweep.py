"""The error as a function of the size of the element."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit, groups, reps
from symjax_models.audit import group_elements

LORENTZ = groups.Lorentz()
METRIC = np.diag([1.0, -1.0, -1.0, -1.0])
X = reps.normal(jax.random.key(0), 2 * reps.vector(LORENTZ), (5,))
SIZES = (0.5, 1.0, 2.0, 4.0, 6.0)


def minkowski_square(x):
    (block,) = x.blocks
    return jnp.einsum("...ic,ij,...jc->...c", block, jnp.asarray(METRIC, block.dtype), block)


def euclidean_square(x):
    return (x.blocks[0] ** 2).sum(-2)


def test_rounding_of_an_invariant_grows_with_the_boost():
    dtypes = ("float32", "float64")
    sweeps = [audit.boost_sweep(minkowski_square, X, sizes=SIZES, dtype=d) for d in dtypes]
    for sweep, bound in zip(sweeps, (5e-6, 1e-14), strict=True):
        assert sweep.group == LORENTZ and sweep.sizes == SIZES
        assert len(sweep.max) == len(sweep.mean) == len(SIZES)
        assert all(0 < mean <= worst for mean, worst in zip(sweep.mean, sweep.max, strict=True))
        assert sweep.max[0] < bound
        assert sweep.max[-1] > 100 * sweep.max[0]
    single, double = sweeps
    assert (single.dtype, double.dtype) == (np.float32, np.float64)
    for a, b in zip(single.max, double.max, strict=True):
        assert 1e7 < a / b < 1e11


def test_rounding_of_the_inputs_alone_explains_the_growth():
    single, inputs = (
        audit.boost_sweep(minkowski_square, X, sizes=SIZES, dtype=dtype, input_dtype="float32")
        for dtype in ("float32", "float64")
    )
    assert (inputs.dtype, inputs.input_dtype) == (np.float64, np.float32)
    assert inputs.max[0] < 1e-6 < 1e-3 < inputs.max[-1]
    # At large boosts little is added by the arithmetic.
    assert inputs.max[-1] / 3 < single.max[-1] < 10 * inputs.max[-1]


def test_linear_map_stays_exact_and_a_broken_one_fails_at_every_size():
    linear = audit.boost_sweep(lambda x: 3 * x, X, sizes=SIZES)
    assert max(linear.max) < 5e-6
    broken = audit.boost_sweep(euclidean_square, X, sizes=SIZES)
    assert min(broken.mean) > 0.1


def test_elements_have_the_sizes():
    options = {"sizes": SIZES, "num_directions": 3}
    drawn = group_elements.draw_along_directions(groups.SO(3), jax.random.key(0), **options)
    for size, rotations in zip(SIZES, drawn, strict=True):
        cosine = (np.trace(rotations, axis1=-2, axis2=-1) - 1) / 2
        np.testing.assert_allclose(cosine, np.cos(size), atol=1e-12)
    drawn = group_elements.draw_along_directions(LORENTZ, jax.random.key(0), **options)
    for size, matrices in zip(SIZES, drawn, strict=True):
        assert matrices.shape == (3, 4, 4)
        assert (LORENTZ.residual(matrices) < 1e-12 * np.exp(2 * size)).all()
        assert (np.linalg.norm(matrices, ord=2, axis=(-2, -1)) <= np.exp(size) + 1e-9).all()
    # The same directions at every size: exp(A / 2) is a root of exp(A).
    np.testing.assert_allclose(drawn[0] @ drawn[0], drawn[1], atol=1e-12)


def test_result_is_a_frozen_function_of_the_key():
    first = audit.boost_sweep(minkowski_square, X, sizes=SIZES)
    assert first == audit.boost_sweep(minkowski_square, X, sizes=SIZES, key=jax.random.key(0))
    assert first != audit.boost_sweep(minkowski_square, X, sizes=SIZES, key=jax.random.key(1))
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.sizes = ()


def test_plot_draws_both_errors_on_logarithmic_axes():
    plt = pytest.importorskip("matplotlib.pyplot")
    sweep = audit.boost_sweep(minkowski_square, X, sizes=SIZES)
    axes = sweep.plot()
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.5", "1", "2", "4", "6"]
    largest, mean = axes.get_lines()
    np.testing.assert_array_equal(largest.get_xdata(), SIZES)
    np.testing.assert_array_equal(largest.get_ydata(), sweep.max)
    np.testing.assert_array_equal(mean.get_ydata(), sweep.mean)
    zero = audit.boost_sweep(lambda x: x, X, sizes=SIZES, dtype="float64")
    assert zero.max == (0.0,) * len(SIZES)
    assert zero.plot(axes) is axes and len(axes.get_lines()) == 4
    axes.figure.canvas.draw()
    plt.close(axes.figure)
    # Errors of zero have no place on such axes, but must not stop them from being drawn.
    axes = zero.plot()
    axes.figure.canvas.draw()
    assert (np.array(axes.get_lines()[0].get_ydata()) == 0.1 * 2.0**-52).all()
    plt.close(axes.figure)


@pytest.mark.parametrize("sizes", [(), (0.0, 1.0), (1.0, 1.0), (2.0, 1.0), (1.0, np.inf), 1.0])
def test_sizes_that_do_not_increase_from_zero_are_refused(sizes):
    with pytest.raises(ValueError, match="expected sizes that are positive and increase"):
        audit.boost_sweep(minkowski_square, X, sizes=sizes)


def test_what_has_no_directions_is_refused():
    with pytest.raises(ValueError, match="expected an argument that is or holds a reps.RepArray"):
        audit.boost_sweep(lambda x: x, np.zeros((4, 3)))
    x = reps.normal(jax.random.key(0), reps.vector(groups.S(4)), (5,))
    with pytest.raises(ValueError, match=r"with a Lie algebra, got S\(4\), which is discrete"):
        audit.boost_sweep(lambda x: x, x)
    with pytest.raises(ValueError, match="num_directions must be at least 1, got 0"):
        audit.boost_sweep(lambda x: x, X, num_directions=0)
