"""Typed features: their arithmetic, their memory order, and JAX's transformations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import groups, reps
from symjax_models.reps import RepArray

GROUP = groups.SO(3)
V, ONE = reps.vector(GROUP), reps.scalar(GROUP)
REP = 2 * V + 3 * ONE + V**2


def make(seed=0, rep=REP, batch=(4,)):
    rng = np.random.default_rng(seed)
    return RepArray.from_flat(rep, rng.standard_normal((*batch, rep.dim)).astype(np.float32))


def turn(angle=0.7):
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def assert_same(x, y, atol=1e-6):
    assert x.rep == y.rep
    np.testing.assert_allclose(x.flat, y.flat, atol=atol)


def test_blocks_are_components_then_channels():
    x = make()
    assert x.shape == (4,) and x.dtype == np.float32 and x.flat.shape == (4, 18)
    assert [block.shape for block in x.blocks] == [(4, 3, 2), (4, 1, 3), (4, 9, 1)]
    assert x[V] is x.blocks[0] and x[V**2] is x.blocks[2]
    assert repr(x) == "RepArray(2*V + 3*1 + V*V of SO(3), batch (4,), float32)"


def test_flat_order_is_summand_after_summand_and_copy_after_copy():
    flat = np.arange(9.0, dtype=np.float32)
    x = RepArray.from_flat(2 * V + 3 * ONE, flat)
    np.testing.assert_array_equal(x[V][:, 0], [0, 1, 2])
    np.testing.assert_array_equal(x[V][:, 1], [3, 4, 5])
    np.testing.assert_array_equal(x[ONE], [[6, 7, 8]])
    np.testing.assert_array_equal(x.flat, flat)


def test_flat_and_from_flat_are_inverse():
    x = make()
    assert_same(RepArray.from_flat(REP, x.flat), x, atol=0)
    empty = make(batch=(0, 2))
    assert empty.shape == (0, 2) and empty.flat.shape == (0, 2, 18)


def test_transform_is_rho_on_flat_features():
    x = make()
    for g in (turn(), np.stack([turn(t) for t in (0.1, 0.2, 0.3, 0.4)])):
        expected = np.einsum("...ij,...j->...i", np.broadcast_to(REP.rho(g), (4, 18, 18)), x.flat)
        np.testing.assert_allclose(x.transform(g).flat, expected, atol=2e-6)
    assert x.transform(turn()).dtype == np.float32
    # Another order of the copies is another representation.
    swapped = np.asarray(x.flat)[:, [1, 0, *range(2, 18)]]
    moved = RepArray.from_flat(REP, swapped).transform(turn()).flat
    assert np.abs(moved - np.asarray(x.transform(turn()).flat)).max() > 1e-2


def test_transform_by_a_complex_group_keeps_the_imaginary_part():
    vector = reps.vector(groups.U(1))
    x = RepArray(vector, [np.ones((1, 1), np.float32)])
    y = x.transform(np.array([[1j]]))
    assert y.dtype == np.complex64
    np.testing.assert_allclose(y.flat, [1j])
    assert reps.normal(jax.random.key(0), vector, (2,)).dtype == np.complex64


def test_arithmetic():
    x, y = make(0), make(1)
    a, b = np.asarray(x.flat), np.asarray(y.flat)
    for result, expected in [
        (x + y, a + b),
        (x - y, a - b),
        (-x, -a),
        (2.0 * x, 2 * a),
        (x * np.float32(3), 3 * a),
        (np.float32(3) * x, 3 * a),
        (x / 4, a / 4),
        (x * jnp.arange(4.0), a * np.arange(4.0)[:, None]),
        (np.arange(4.0) * x, a * np.arange(4.0)[:, None]),
        (jnp.arange(4.0) * x, a * np.arange(4.0)[:, None]),
        (x.map(lambda block: 3 * block), 3 * a),
    ]:
        assert isinstance(result, RepArray) and result.rep == REP
        np.testing.assert_allclose(result.flat, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (lambda x: x + make(rep=2 * V), "features of one representation"),
        (lambda x: x - make(rep=2 * V), "x - y needs features of one representation"),
        (lambda x: x * x, "do not multiply entry by entry"),
        (lambda x: x / x, "do not multiply entry by entry"),
        (lambda x: x * np.ones((4, 18)), r"no more axes than the batch \(4,\)"),
        (lambda x: x[V**3], r"no summand V\*V\*V of SO\(3\); did you mean 'V\*V'"),
        (lambda x: RepArray.from_flat(REP, np.ones((4, 17))), r"shape \[\.\.\., 18\]"),
        (lambda x: RepArray.from_flat(REP, 1.0), r"shape \[\.\.\., 18\]"),
        (lambda x: RepArray(REP, x.blocks[:2]), "has 3 blocks, got 2"),
        (lambda x: RepArray(2 * V, [np.ones((4, 2, 3))]), r"has shape \[\.\.\., 3, 2\]"),
        (
            lambda x: RepArray(REP, [x.blocks[0][:2], *x.blocks[1:]]),
            r"same batch axes, got \(2,\) and \(4,\)",
        ),
        (lambda x: x.map(lambda block: block[..., :1]), "has shape"),
        (lambda x: reps.concatenate([]), "at least one"),
        (lambda x: reps.concatenate([x, make(rep=reps.vector(groups.SO(2)))]), "one group"),
    ],
)
def test_what_breaks_the_type_is_refused(operation, message):
    with pytest.raises(ValueError, match=message):
        operation(make())


@pytest.mark.parametrize("operation", [lambda x: x + 1.0, lambda x: 1.0 - x, lambda x: x @ x])
def test_other_types_are_refused(operation):
    with pytest.raises(TypeError):
        operation(make())


def test_concatenate_is_the_direct_sum():
    x, y = make(0, 2 * V + ONE), make(1, 3 * ONE + V)
    joined = reps.concatenate([x, y])
    assert joined.rep == 3 * V + 4 * ONE
    np.testing.assert_array_equal(joined[V], np.concatenate([x[V], y[V]], axis=-1))
    np.testing.assert_array_equal(joined[ONE], np.concatenate([x[ONE], y[ONE]], axis=-1))
    g = turn()
    moved = reps.concatenate([x.transform(g), y.transform(g)])
    assert_same(joined.transform(g), moved)


def test_jit_vmap_and_grad_see_a_pytree():
    x, g = make(), jnp.asarray(turn(), jnp.float32)
    assert_same(jax.jit(lambda x: (x + x).transform(g))(x), (2 * x).transform(g))
    rows = jax.vmap(lambda row: row.transform(g) * 2.0)(x)
    assert_same(rows, 2.0 * x.transform(g))
    gradient = jax.grad(lambda x: 0.5 * jnp.sum(x.flat**2))(x)
    assert_same(gradient, x)
    leaves, structure = jax.tree.flatten(x)
    assert len(leaves) == 3
    assert_same(jax.tree.unflatten(structure, leaves), x, atol=0)
    assert jax.tree.structure(make(rep=2 * V)) != structure
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree.leaves_with_path(x)]
    assert paths == ["['V']", "['1']", "['V*V']"]


def test_the_representation_is_static_under_jit():
    traces = []

    @jax.jit
    def double(x):
        traces.append(x.rep)
        return x + x

    double(make(0))
    double(make(1))
    assert traces == [REP]
    double(make(rep=2 * V))
    assert traces == [REP, 2 * V]


def test_normal_draws_independent_components():
    key = jax.random.key(0)
    x = reps.normal(key, REP, (2000,))
    flat = np.asarray(x.flat)
    covariance = flat.T @ flat / len(flat)
    assert np.abs(covariance - np.eye(REP.dim)).max() < 0.15
    assert_same(reps.normal(key, REP, (2000,)), x, atol=0)
    half = reps.normal(key, REP, dtype=jnp.bfloat16)
    assert half.dtype == jnp.bfloat16 and half.shape == ()
