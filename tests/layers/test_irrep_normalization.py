"""Normalization of several irreps together and over the batch, against loops in NumPy."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit, groups, reps
from symjax_models.layers.irrep_normalization import BatchNorm, EquivariantLayerNorm

REP = reps.parse_irreps("4x0e+2x0o+3x1o")
KINDS = ("separate_scalars", "all_components", "all_degrees")
BATCH = 5


class Every(nn.Module):
    """Apply every kind, and both ways of the batch."""

    @nn.compact
    def __call__(self, x, mask=None):
        found = {kind: EquivariantLayerNorm(kind=kind)(x) for kind in KINDS}
        found["training"] = BatchNorm()(x, mask, is_training=True)
        found["evaluation"] = BatchNorm()(x, mask, is_training=False)
        return found


class Broken(nn.Module):
    """Scale components, or centre what is no scalar."""

    way: str

    @nn.compact
    def __call__(self, x):
        if self.way == "centred":
            return x.map(lambda block: block - block.mean(axis=-1, keepdims=True) + 1)
        return x.map(lambda block: block / jnp.abs(block).mean(axis=-1, keepdims=True))


@pytest.fixture(scope="module")
def drawn(features, parameters):
    """Features and parameters, with running averages that are positive."""
    x = features(REP, (BATCH,)) * np.float32(2.0)
    x = x.map(np.asarray)
    variables = parameters(Every(), x)
    variables["batch_stats"] = jax.tree.map(np.abs, variables["batch_stats"])
    return x, variables


apply = jax.jit(functools.partial(Every().apply, mutable=["batch_stats"]))


def layer_norm(block, weight, bias):
    block = block - block.mean(axis=-1, keepdims=True)
    return block / np.sqrt(np.square(block).mean(axis=-1, keepdims=True)) * weight + bias


def looped(kind, blocks, given):
    """Normalize the features of one batch entry."""
    blocks = [np.asarray(block, np.float64) for block in blocks]
    dims, counts = [1, 1, 3], [4, 2, 3]
    first, total, shares = 0, 0.0, 0.0
    if kind == "separate_scalars":
        own = given["scalars"]
        blocks[0] = layer_norm(blocks[0], own["scale_0"], own["bias_0"])
        first = 1
    elif kind == "all_degrees":
        blocks[0] = blocks[0] - blocks[0].mean()
    for i in range(first, 3):
        share = dims[i] * counts[i] if kind == "all_components" else 1
        total += share * sum(v**2 for v in blocks[i].ravel()) / (dims[i] * counts[i])
        shares += share
    for i in range(first, 3):
        blocks[i] = blocks[i] / np.sqrt(total / shares) * given[f"scale_{i}"]
    if kind == "all_degrees":
        blocks[0] = blocks[0] + given["bias_0"]
    return blocks


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_are_their_formulas(drawn, kind):
    x, variables = drawn
    y, _ = apply(variables, x)
    given = variables["params"][f"EquivariantLayerNorm_{KINDS.index(kind)}"]
    for entry in range(BATCH):
        expected = looped(kind, [block[entry] for block in x.blocks], given)
        for a, b in zip(y[kind].blocks, expected, strict=True):
            np.testing.assert_allclose(a[entry], b, rtol=2e-5, atol=2e-6)


def test_batches_are_normalized_by_their_statistics(drawn):
    x, variables = drawn
    y, _ = apply(variables, x)
    stats = variables["batch_stats"]["BatchNorm_1"]
    for i, block in enumerate(np.asarray(b, np.float64) for b in x.blocks):
        given = [variables["params"][f"BatchNorm_{n}"] for n in (0, 1)]
        for c in range(block.shape[-1]):
            values = block[..., c]
            mean = values.mean() if i == 0 else 0
            variance = np.square(values - mean).mean()
            expected = (values - mean) / np.sqrt(variance) * given[0][f"scale_{i}"][c]
            expected = expected + (given[0]["bias_0"][c] if i == 0 else 0)
            np.testing.assert_allclose(
                y["training"].blocks[i][..., c], expected, rtol=2e-5, atol=2e-6
            )
            mean = stats["mean_0"][c] if i == 0 else 0
            expected = (values - mean) / np.sqrt(stats[f"square_{i}"][c])
            expected = expected * given[1][f"scale_{i}"][c]
            expected = expected + (given[1]["bias_0"][c] if i == 0 else 0)
            np.testing.assert_allclose(
                y["evaluation"].blocks[i][..., c], expected, rtol=2e-5, atol=2e-5
            )


def test_running_averages_move_towards_the_batch(drawn):
    x, variables = drawn
    _, updates = apply(variables, x)
    before, after = variables["batch_stats"]["BatchNorm_0"], updates["batch_stats"]["BatchNorm_0"]
    expected = 0.9 * before["mean_0"] + 0.1 * x.blocks[0].mean(axis=(0, 1))
    np.testing.assert_allclose(after["mean_0"], expected, rtol=1e-5)
    expected = 0.9 * before["square_2"] + 0.1 * np.square(x.blocks[2]).mean(axis=(0, 1))
    np.testing.assert_allclose(after["square_2"], expected, rtol=1e-5)
    assert "mean_1" not in before  # Pseudoscalars are not centred.
    # Evaluation leaves them, as does initialization.
    jax.tree.map(
        np.testing.assert_array_equal,
        updates["batch_stats"]["BatchNorm_1"],
        variables["batch_stats"]["BatchNorm_1"],
    )
    init = jax.jit(functools.partial(BatchNorm().init, is_training=True))
    fresh = init(jax.random.key(0), x)["batch_stats"]
    assert not fresh["mean_0"].any() and (fresh["square_2"] == 1).all()


def test_padding_is_not_read(drawn):
    x, variables = drawn
    expected, wanted = apply(variables, x)
    mask = np.arange(BATCH + 3) < BATCH
    spare = ((0, 3), (0, 0), (0, 0))
    padded = x.map(lambda block: np.pad(block, spare, constant_values=np.nan))

    @jax.jit
    @functools.partial(jax.value_and_grad, has_aux=True)
    def compute(params, x, mask):
        found = {}
        for number, name in enumerate(("training", "evaluation")):
            stats = variables["batch_stats"][f"BatchNorm_{number}"]
            arguments = {"params": params[f"BatchNorm_{number}"], "batch_stats": stats}
            options = {"is_training": name == "training", "mutable": ["batch_stats"]}
            found[name], updates = BatchNorm().apply(arguments, x, mask, **options)
            found[f"BatchNorm_{number}"] = updates["batch_stats"]
        return jnp.sum(found["training"].flat ** 3), found

    (_, found), gradient = compute(variables["params"], padded, mask)
    for name in ("training", "evaluation"):
        for a, b in zip(found[name].blocks, expected[name].blocks, strict=True):
            np.testing.assert_allclose(a[:BATCH], b, rtol=1e-5, atol=1e-6)
            np.testing.assert_array_equal(a[BATCH:], 0)
    for name, stats in wanted["batch_stats"].items():
        jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5), found[name], stats)
    for leaf in jax.tree.leaves(gradient):
        assert np.isfinite(leaf).all()
    assert np.abs(gradient["BatchNorm_0"]["scale_2"]).max() > 0.1
    # Nothing but padding changes no average.
    (_, found), _ = compute(variables["params"], padded, np.zeros(BATCH + 3, bool))
    for name, stats in variables["batch_stats"].items():
        jax.tree.map(np.testing.assert_array_equal, found[name], stats)


def test_all_are_equivariant(drawn):
    x, variables = drawn
    single, double = (
        audit.equivariance_error(Every().apply, variables, x, dtype=dtype, num_samples=4)
        for dtype in ("float32", "float64")
    )
    assert single.max < 5e-6 and double.max < 1e-13
    assert 1e7 < single.max / double.max < 1e10


def test_other_groups_with_orthogonal_representations(features, parameters):
    U2 = groups.U(2)
    x = features(3 * reps.scalar(U2) + 2 * reps.vector(U2), (BATCH,))
    layer = EquivariantLayerNorm(kind="all_degrees")
    arguments = parameters(layer, x), x
    error = audit.equivariance_error(layer.apply, *arguments, dtype="float64", num_samples=2)
    assert error.max < 1e-13
    batch = BatchNorm()
    apply = functools.partial(batch.apply, is_training=False)
    arguments = parameters(batch, x, is_training=False), x
    arguments[0]["batch_stats"] = jax.tree.map(np.abs, arguments[0]["batch_stats"])
    error = audit.equivariance_error(apply, *arguments, dtype="float64", num_samples=2)
    assert error.max < 1e-13


@pytest.mark.parametrize("way", ["centred", "components"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_broken_normalizations_are_found(drawn, way, dtype):
    error = audit.equivariance_error(Broken(way).apply, {}, drawn[0], dtype=dtype, num_samples=2)
    assert error.max > 0.1


def test_derivatives_at_zero_are_finite(features, parameters):
    x = features(reps.parse_irreps("2x0e+2x1o"), (2,))
    zero = x.map(np.zeros_like)
    layers = {
        "together": (EquivariantLayerNorm(kind="all_degrees"), {}),
        "batch": (BatchNorm(), {"is_training": True}),
    }
    variables = {name: parameters(layer, x, **options) for name, (layer, options) in layers.items()}

    def normalize(x):
        return {
            name: layer.apply(variables[name], x, **options, mutable=["batch_stats"])[0]
            for name, (layer, options) in layers.items()
        }

    def total(x):
        return sum(jnp.sum(jnp.sin(block)) for y in normalize(x).values() for block in y.blocks)

    derive = jax.jit(lambda x, v: (normalize(x), jax.jvp(jax.grad(total), (x,), (v,))))
    y, derivatives = derive(zero, x)
    for leaf in jax.tree.leaves(derivatives):
        assert np.isfinite(leaf).all()
    for each in y.values():
        np.testing.assert_array_equal(each["1o"], 0)


def test_second_derivatives_where_one_summand_is_zero():
    rep = reps.parse_irreps("1o+2e")
    v = np.zeros((5, 1), np.float32)
    v[0] = 1.0

    @jax.jit
    @jax.hessian
    def size(t):
        x = reps.RepArray(rep, [2 * jnp.ones((3, 1)), t * v])
        layer = EquivariantLayerNorm(kind="all_degrees")
        params = {"scale_0": jnp.ones(1), "scale_1": jnp.ones(1)}
        return layer.apply({"params": params}, x).blocks[0][0, 0]

    # 2 / sqrt((4 + t^2 / 5) / 2) has the second derivative -sqrt(2) / 20 at t = 0.
    np.testing.assert_allclose(size(0.0), -np.sqrt(2) / 20, rtol=1e-5)


def test_unit_variance_in_and_out(features):
    x = features(reps.parse_irreps("32x0e+32x2e"), (50,))
    compute = jax.jit(lambda x: Every().init_with_output(jax.random.key(0), x)[0])
    for y in compute(x).values():
        for block in y.blocks:
            assert abs(np.square(block).mean() - 1) < 0.05


def test_scalars_alone_and_tiny_features(features):
    x = features(reps.parse_irreps("4x0e"), (2,))
    layer = EquivariantLayerNorm()
    y, params = jax.jit(layer.init_with_output)(jax.random.key(0), x)
    np.testing.assert_allclose(np.square(y.blocks[0]).mean(axis=(-2, -1)), 1, rtol=1e-5)
    assert set(params["params"]) == {"scalars"}
    x = features(reps.parse_irreps("4x1o"), (2,))
    layer = EquivariantLayerNorm(kind="all_components")
    compute = jax.jit(lambda x: layer.init_with_output(jax.random.key(0), x)[0])
    expected, y = (compute(x.map(lambda block: block * np.float32(s))) for s in (1, 1e-30))
    np.testing.assert_allclose(y.blocks[0], expected.blocks[0], rtol=1e-5)


def test_what_cannot_be_normalized_is_refused(features):
    x = features(REP, (2,))
    with pytest.raises(ValueError, match="unknown kind of normalization 'all_degree'; did you"):
        EquivariantLayerNorm(kind="all_degree").apply({}, x)
    with pytest.raises(ValueError, match=r"a mask of this batch has shape \(2,\), got \(3,\)"):
        BatchNorm().init(jax.random.key(0), x, np.ones(3, bool), is_training=True)
    boosted = features(reps.vector(groups.Lorentz()), (2,))
    for layer, options in ((EquivariantLayerNorm(), {}), (BatchNorm(), {"is_training": True})):
        with pytest.raises(
            ValueError, match="needs orthogonal representations, .* got V of Lorentz"
        ):
            layer.init(jax.random.key(0), boosted, **options)
        with pytest.raises(ValueError, match="takes a reps.RepArray"):
            layer.init(jax.random.key(0), x.blocks[0], **options)
