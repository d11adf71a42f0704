"""Attention over sets: against the same by hand, permutations, padding."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import groups, layers, reps

LORENTZ, SO3, U2 = groups.Lorentz(), groups.SO(3), groups.U(2)
N, HEADS = 4, 2


def make(features, parameters, group):
    V = reps.vector(group)
    x = features(3 * V + 2 * reps.scalar(group), (2, N))
    hidden = 2 * V + V.dual + reps.scalar(group)
    layer = layers.SelfAttention(2 * V + reps.scalar(group), rep_hidden=hidden, num_heads=HEADS)
    return layer, parameters(layer, x), x


@pytest.fixture(scope="module")
def attention(features, parameters):
    """A layer, its parameters, a batch of sets, and the jitted layer."""
    layer, params, x = make(features, parameters, LORENTZ)
    return layer, params, x, jax.jit(layer.apply)


@pytest.mark.parametrize("group", [LORENTZ, U2], ids=repr)
def test_attention_is_the_softmax_of_pairings(features, parameters, group):
    layer, params, x = make(features, parameters, group)
    given = params["params"]
    hidden = layer.rep_hidden

    def map_by(name, rep, x):
        linear = layers.Linear(rep, use_bias=name == "output")
        return jax.jit(linear.apply)({"params": given[name]}, x)

    queries = map_by("query", HEADS * hidden, x)
    keys = map_by("key", HEADS * hidden.dual, x)
    values = map_by("value", HEADS * hidden, x)
    mixed = {term: [] for _, term in hidden.terms}
    for head in range(HEADS):
        logits = np.zeros((2, N, N))
        for count, term in hidden.terms:
            own = slice(head * count, (head + 1) * count)
            q, k = np.asarray(queries[term])[..., own], np.asarray(keys[term.dual])[..., own]
            logits = logits + np.einsum("bndc,bmdc->bnm", q, k).real
        weights = np.exp(logits / np.sqrt(hidden.dim))
        weights = weights / weights.sum(axis=-1, keepdims=True)
        for count, term in hidden.terms:
            own = slice(head * count, (head + 1) * count)
            v = np.asarray(values[term])[..., own]
            mixed[term].append(np.einsum("bnm,bmdc->bndc", weights, v))
    blocks = [np.concatenate(mixed[term], axis=-1) for _, term in hidden.terms]
    dtype = x.dtype
    expected = map_by(
        "output", layer.rep_out, reps.RepArray(HEADS * hidden, [b.astype(dtype) for b in blocks])
    )
    found = jax.jit(layer.apply)(params, x)
    for a, b in zip(found.blocks, expected.blocks, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_pairings_of_keys_that_are_not_dual_break_the_symmetry(attention):
    # Lorentz vectors paired as if they were Euclidean: what the dual is for.
    _, _, x, _ = attention
    g = np.asarray(LORENTZ.sample(jax.random.key(0)))
    V = reps.vector(LORENTZ)
    moved = x.transform(g)[V]
    plain = [np.einsum("bndc,bmdc->bnm", v, v) for v in (x[V], moved)]
    lowered = reps.RepArray(V.dual, [x[V][..., :1]]).transform(g).blocks[0]
    paired = [
        np.einsum("bnd,bmd->bnm", x[V][..., 0], x[V][..., 0]),
        np.einsum("bnd,bmd->bnm", moved[..., 0], lowered[..., 0]),
    ]
    assert np.abs(plain[1] - plain[0]).max() > 1e-2
    np.testing.assert_allclose(paired[1], paired[0], rtol=1e-4, atol=1e-4)


def test_members_are_permuted_with_the_set(attention):
    _, params, x, apply = attention
    order = np.array([2, 0, 3, 1])
    moved = apply(params, x.map(lambda block: block[:, order]))
    expected = apply(params, x)
    for a, b in zip(moved.blocks, expected.blocks, strict=True):
        np.testing.assert_allclose(a, b[:, order], rtol=1e-4, atol=1e-5)
    # The weights of each member are its own.
    assert np.abs(moved.flat - expected.flat).max() > 1e-2


@pytest.mark.parametrize("filler", [1e30, np.nan, np.inf])
def test_padded_members_change_nothing(attention, filler):
    layer, params, x, _ = attention
    mask = np.array([[True, True, True, False], [True, True, False, False]])

    def functional(params, x):
        y = layer.apply(params, x, jnp.asarray(mask))
        return sum(jnp.sum(jnp.sin(b) * mask[..., None, None]) for b in y.blocks), y

    evaluate = jax.jit(jax.value_and_grad(functional, argnums=(0, 1), has_aux=True))
    filled = x.map(lambda block: np.where(mask[..., None, None], block, np.float32(filler)))
    given, expected = evaluate(params, filled), evaluate(params, x)
    jax.tree.map(np.testing.assert_array_equal, given, expected)
    (_, (_, gradient)) = expected
    for block in gradient.blocks:
        assert np.all(np.asarray(block)[~mask] == 0)
        assert np.abs(np.asarray(block)[mask]).max() > 1e-3


def test_a_padded_set_gives_what_the_set_gives(attention):
    _, params, x, apply = attention
    mask = np.array([True, True, False, False])
    padded = apply(params, x, np.broadcast_to(mask, (2, N)))
    alone = apply(params, x.map(lambda block: block[:, :2]))
    for a, b in zip(padded.blocks, alone.blocks, strict=True):
        np.testing.assert_allclose(a[:, :2], b, rtol=1e-4, atol=1e-5)


def test_a_set_without_members_gives_the_bias_and_finite_gradients(attention):
    layer, params, x, _ = attention
    mask = np.zeros((2, N), bool)

    def functional(x):
        y = layer.apply(params, x, mask)
        return sum(jnp.sum(jnp.sin(block)) for block in y.blocks), y

    gradient, y = jax.jit(jax.grad(functional, has_aux=True))(x)
    np.testing.assert_array_equal(y.blocks[0], 0)
    bias = params["params"]["output"]["bias_1"][:, 0]
    np.testing.assert_allclose(y.blocks[1], np.broadcast_to(bias, y.blocks[1].shape), rtol=1e-6)
    for block in gradient.blocks:
        np.testing.assert_array_equal(block, 0)


def test_initial_logits_have_unit_variance():
    V = reps.vector(SO3)
    rep = 2 * V + 3 * reps.scalar(SO3)

    @jax.jit
    @jax.vmap
    def draw(key):
        of_x, of_params = jax.random.split(key)
        x = reps.normal(of_x, rep, (2,))
        params = layers.SelfAttention(rep).init(of_params, x)["params"]
        q = layers.Linear(rep, use_bias=False).apply({"params": params["query"]}, x)
        k = layers.Linear(rep.dual, use_bias=False).apply({"params": params["key"]}, x)
        pairs = zip(q.blocks, k.blocks, strict=True)
        return sum(jnp.sum(a[0] * b[1]) for a, b in pairs) / np.sqrt(rep.dim)

    logits = np.asarray(draw(jax.random.split(jax.random.key(0), 3000)))
    error = np.square(logits).std() / np.sqrt(len(logits))
    assert abs(np.square(logits).mean() - 1) < 3 * error
    assert error < 0.1


def test_what_is_no_set_is_refused(features):
    V = reps.vector(SO3)
    with pytest.raises(
        ValueError, match="SelfAttention needs a last batch axis, the set; got none"
    ):
        layers.SelfAttention(V).init(jax.random.key(0), features(V, ()))
    with pytest.raises(ValueError, match=r"of SO\(3\), got features of V of U\(2\)"):
        layers.SelfAttention(V).init(jax.random.key(0), features(reps.vector(U2), (2,)))
    with pytest.raises(ValueError, match="SelfAttention takes a reps.RepArray, got ndarray"):
        layers.SelfAttention(V).init(jax.random.key(0), np.ones((2, 3)))
