"""All layers of typed features, and their gradients, against the groups of the catalogue."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit, groups, layers, reps

# Boosts stretch, and stretched features cancel in invariants.
TOLERANCES = {groups.Lorentz(): 1e-5}


def value_and_gradient(apply, params, x, cotangents):
    """Return `f(x)` and the pullback of cotangents, features of the dual representations."""
    y, pull_back = jax.vjp(functools.partial(apply, params), x)
    cotangents = jax.tree.unflatten(jax.tree.structure(y), jax.tree.leaves(cotangents))
    (gradient,) = pull_back(cotangents)
    return y, reps.RepArray(x.rep.dual, gradient.blocks)


def measure(apply, params, x, features, dtype):
    with jax.enable_x64(dtype == "float64"):
        outputs = jax.eval_shape(apply, params, x)
    cotangents = {
        name: features(y.rep.dual, y.shape, seed=1 + number)
        for number, (name, y) in enumerate(outputs.items())
    }
    function = functools.partial(value_and_gradient, apply)
    arguments = (params, x, cotangents)
    return audit.equivariance_error(function, *arguments, dtype=dtype, num_samples=4)


def test_layers_and_their_gradients_are_equivariant(case, features):
    single, double = (
        measure(case.module.apply, case.params, case.x, features, dtype)
        for dtype in ("float32", "float64")
    )
    assert single.max <= TOLERANCES.get(case.group, 5e-6), single
    assert double.max <= 1e-12, double
    # What is not rounding does not get smaller with the precision.
    assert 1e7 < single.max / double.max < 1e10
    assert set(single.parts) == {"sampled", "generators"}


class Broken(nn.Module):
    """Every layer, each of them after something that its group does not allow."""

    rep: reps.Rep
    way: str

    @nn.compact
    def __call__(self, x):
        ways = {
            "relu": lambda x: x.map(jnp.abs),
            "shift": lambda x: x.map(lambda block: block + 0.3),
            "first": lambda x: x.map(lambda block: block.at[..., 0, :].multiply(1.3)),
        }
        return {"Broken": layers.Linear(self.rep)(ways[self.way](x))}


@pytest.mark.parametrize("way", ["relu", "shift", "first"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_broken_layers_are_found(features, parameters, way, dtype):
    rep = 2 * reps.vector(groups.SO(3)) + reps.vector(groups.SO(3)) ** 2
    x, module = features(rep, (3,)), Broken(rep, way)
    assert measure(module.apply, parameters(module, x), x, features, dtype).max > 1e-2


@pytest.mark.slow
@pytest.mark.parametrize("case", [groups.SE(2)], indirect=True)
def test_jit_equals_eager_and_vmap_equals_a_loop(case, features):
    batch = features(case.x.rep, (2, *case.x.shape), seed=5)
    compiled = jax.jit(case.module.apply)
    each = [compiled(case.params, jax.tree.map(lambda leaf: leaf[i], batch)) for i in range(2)]
    looped = jax.tree.map(lambda *leaves: np.stack(leaves), *each)
    mapped = jax.jit(jax.vmap(case.module.apply, in_axes=(None, 0)))(case.params, batch)
    whole = compiled(case.params, batch)
    eager = case.module.apply(case.params, batch)
    for other in (mapped, whole, eager):
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5), other, looped
        )


@pytest.mark.parametrize("case", [groups.U(2), groups.Lorentz()], indirect=True)
def test_derivatives_are_finite_at_zero_features(case):
    zero = jax.tree.map(np.zeros_like, case.x)

    def functional(x):
        outputs = jax.tree.leaves(case.module.apply(case.params, x))
        return sum(jnp.sum(jnp.sin(y.real) + y.imag) for y in outputs)

    gradient = jax.grad(functional)
    first, second = jax.jit(lambda x, v: jax.jvp(gradient, (x,), (v,)))(zero, case.x)
    for leaf in jax.tree.leaves((first, second)):
        assert np.isfinite(leaf).all()
    assert max(np.abs(leaf).max() for leaf in jax.tree.leaves(first)) > 0


@pytest.mark.parametrize("case", [groups.O(3)], indirect=True)
def test_entries_of_a_batch_do_not_know_of_each_other(case):
    order = np.array([2, 0, 1])
    compiled = jax.jit(case.module.apply)
    moved = compiled(case.params, case.x.map(lambda block: block[order]))
    expected = compiled(case.params, case.x)
    # The set of the attention is permuted with the rest.
    for name, y in moved.items():
        for block, other in zip(y.blocks, expected[name].blocks, strict=True):
            np.testing.assert_allclose(block, other[order], rtol=1e-5, atol=1e-5)
