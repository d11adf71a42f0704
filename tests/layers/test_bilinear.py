"""Products of features against Kronecker products and basis matrices."""

import jax
import numpy as np
import pytest

from symjax_models import audit, groups, layers, reps

SO3 = groups.SO(3)
V, ONE = reps.vector(SO3), reps.scalar(SO3)
DRAWS = 4000


def test_output_is_the_basis_of_the_product(features, parameters):
    x, y = features(2 * V + 3 * ONE, (4,)), features(3 * V, (4,), seed=1)
    layer = layers.Bilinear(5 * V + 2 * ONE)
    params = parameters(layer, x, y)
    z = jax.jit(layer.apply)(params, x, y)
    for o, (channels, target) in enumerate(layer.rep_out.terms):
        expected = np.zeros((4, target.dim, channels))
        for i, (count, source) in enumerate(x.rep.terms):
            maps = reps.equivariant_basis(source * V, target).dense()
            if not len(maps):
                continue
            kernel = np.asarray(params["params"][f"kernel_{o}_{i}_0"], np.float64)
            for c in range(3):
                # Vectors are two and three, so the first of the two is taken again.
                pair = x.blocks[i][..., c % count], y.blocks[0][..., c]
                product = np.einsum("bi,bj->bij", *pair).reshape(4, -1)
                expected += np.einsum("koi,kd,bi->bod", maps, kernel[:, c], product)
        np.testing.assert_allclose(z[target], expected, rtol=1e-5, atol=1e-5)
    # The cross product, the scaled vector; the inner product.
    assert {name: leaf.shape for name, leaf in params["params"].items()} == {
        "kernel_0_0_0": (1, 3, 5),
        "kernel_0_1_0": (1, 3, 5),
        "kernel_1_0_0": (1, 3, 2),
    }


def test_products_of_a_direct_product_of_groups(features, parameters):
    G = groups.DirectProduct(groups.O(3), groups.S(3))
    space = reps.of_factor(G, 0, reps.vector(groups.O(3)))
    indices = reps.of_factor(G, 1, reps.vector(groups.S(3)))
    x, y = features(2 * (indices * space), (2,)), features(2 * space + indices, (2,), seed=1)
    layer = layers.Bilinear(2 * (space * indices) + 3 * indices)
    params = parameters(layer, x, y)
    for dtype in ("float32", "float64"):
        audit.assert_equivariant(layer.apply, params, x, y, dtype=dtype)


def test_a_product_that_is_not_equivariant_is_found(features, parameters):
    x, y = features(2 * V, (4,)), features(2 * V, (4,), seed=1)
    layer = layers.Bilinear(2 * V)
    params = parameters(layer, x, y)
    error = audit.equivariance_error(
        lambda x, y: layer.apply(params, x, y) + x.map(lambda block: block * y.blocks[0]), x, y
    )
    assert error.max > 1e-2


def test_initial_outputs_have_unit_variance():
    layer = layers.Bilinear(V + V**2)

    @jax.jit
    @jax.vmap
    def draw(key):
        of_x, of_y, of_params = jax.random.split(key, 3)
        x, y = (reps.normal(k, V + ONE) for k in (of_x, of_y))
        return [block[:, 0] for block in layer.init_with_output(of_params, x, y)[0].blocks]

    for y in draw(jax.random.split(jax.random.key(3), DRAWS)):
        squares = np.square(y).mean(axis=-1)
        error = squares.std() / np.sqrt(DRAWS)
        assert error < 0.06
        assert np.abs(squares.mean() - 1) < 3 * error
        assert np.abs(y.mean(axis=0)).max() < 4 / np.sqrt(DRAWS)


def test_arguments_that_do_not_fit_are_refused(features):
    layer, key = layers.Bilinear(V), jax.random.key(0)
    x = features(V, (2,))
    with pytest.raises(ValueError, match=r"equal batch axes, got \(2,\) and \(3, 2\)"):
        layer.init(key, x, features(V, (3, 2)))
    with pytest.raises(ValueError, match=r"Bilinear takes a reps.RepArray, got ndarray"):
        layer.init(key, x, x.blocks[0])
    with pytest.raises(ValueError, match=r"of SO\(3\), got features of V of O\(3\)"):
        layer.init(key, features(reps.vector(groups.O(3)), (2,)), x)
