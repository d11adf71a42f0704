"""Every backend is the same function: against loops, each other, rotations and reflections."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import groups, reps
from symjax_models.ops.tensor_products import TensorProductPlan, edge_harmonics
from symjax_models.reps.rotation import clebsch_gordan

BACKENDS = ("dense", "sparse", "so2")
BACKEND = pytest.mark.parametrize("backend", BACKENDS)
DTYPES = pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-10)])
AXES = np.concatenate([np.eye(3), -np.eye(3)])


def in_dtype(dtype):
    return jax.enable_x64(dtype == np.float64)


O3 = groups.O(3)


def plan_of(rep1, rep2, rep_out, group=O3):
    return TensorProductPlan(*(reps.parse_irreps(t, group=group) for t in (rep1, rep2, rep_out)))


# Both parities of one degree, paths of even and odd sum, an output of higher degree than inputs.
PLAN = plan_of("2x0e+2x1o+2x2e", "0e+1o+2e", "2x0e+2x1o+2x1e+2x3o")
SO3_PLAN = plan_of("2x0+2x1", "0+1+2", "2x1+2x2", group=groups.SO(3))
PLANS = pytest.mark.parametrize("plan", [PLAN, SO3_PLAN], ids=["O(3)", "SO(3)"])


@functools.partial(jax.jit, static_argnums=0, static_argnames="backend")
def multiply(plan, x, directions, weights, *, backend):
    """Multiply by the harmonics of directions."""
    if backend == "so2":
        return plan.apply_so2(x, directions, weights)
    return plan.apply(x, edge_harmonics(plan, directions), weights, backend=backend)


def draw(plan, count, dtype, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, plan.rep1.dim))
    directions = rng.normal(size=(count, 3))
    weights = rng.normal(size=(count, plan.num_paths, plan.num_channels))
    x, directions, weights = (jnp.asarray(a, dtype) for a in (x, directions, weights))
    return reps.RepArray.from_flat(plan.rep1, x), directions, weights


def assert_close(found, expected, tolerance):
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        a, b = np.asarray(a), np.asarray(b)
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(1, np.abs(b).max(initial=0)))


def loops(plan, x, y, weights):
    """Sum the definition term by term."""
    blocks = [np.zeros((len(y), t.dim, plan.num_channels)) for _, t in plan.rep_out.terms]
    counts = [sum(p.index_out == i for p in plan.paths) for i in range(len(blocks))]
    starts = np.cumsum([0] + [term.dim for _, term in plan.rep2.terms])
    for position, path in enumerate(plan.paths):
        tensor = clebsch_gordan(*path.degrees)
        factor = np.sqrt((2 * path.degrees[2] + 1) / counts[path.index_out])
        for m1, m2, m3 in np.ndindex(tensor.shape):
            for c in range(plan.num_channels):
                blocks[path.index_out][:, m3, c] += (
                    factor
                    * tensor[m1, m2, m3]
                    * np.asarray(x.blocks[path.index1])[:, m1, c]
                    * y[:, starts[path.index2] + m2]
                    * np.asarray(weights)[:, position, c]
                )
    return blocks


@PLANS
@BACKEND
def test_against_loops(backend, plan):
    with in_dtype(np.float64):
        x, directions, weights = draw(plan, 4, np.float64)
        expected = loops(plan, x, np.asarray(edge_harmonics(plan, directions)), weights)
        z = multiply(plan, x, directions, weights, backend=backend)
    assert z.rep == plan.rep_out and z.dtype == np.float64
    assert_close(z.blocks, expected, 1e-13)


def derivatives(plan, backend):
    """Return a function to gradients and Hessian-vector products of a nonlinear number."""

    def number(x, directions, weights):
        z = multiply(plan, x, directions, weights, backend=backend)
        return sum(jnp.sum(jnp.sin(block)) for block in z.blocks)

    gradient = jax.grad(number, argnums=(0, 1, 2))

    @jax.jit
    def both(arguments, tangents):
        return jax.jvp(lambda *a: gradient(*a), arguments, tangents)

    return both


DERIVATIVES = {backend: derivatives(PLAN, backend) for backend in BACKENDS}


@pytest.mark.slow
@DTYPES
def test_backends_agree_with_derivatives(dtype, tolerance):
    with in_dtype(dtype):
        arguments, tangents = draw(PLAN, 12, dtype), draw(PLAN, 12, dtype, seed=1)
        # Along the axes and next to them, where frames jump or would have no derivative.
        special = np.concatenate([AXES, 0.7 * AXES[:2] + 1e-8, np.zeros((1, 3))])
        directions = arguments[1].at[: len(special)].set(special.astype(dtype))
        arguments = (arguments[0], directions, arguments[2])
        expected = DERIVATIVES["dense"](arguments, tangents)
        for backend in ("sparse", "so2"):
            assert_close(
                multiply(PLAN, *arguments, backend=backend),
                multiply(PLAN, *arguments, backend="dense"),
                tolerance,
            )
            found = DERIVATIVES[backend](arguments, tangents)
            assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(found))
            assert_close(found, expected, tolerance)


@pytest.mark.slow
def test_hessian_by_two_reverse_passes_is_that_of_harmonics():
    with in_dtype(np.float64):
        x, directions, weights = draw(PLAN, 2, np.float64)

        def curvature(backend):
            def number(d):
                return jnp.sum(jnp.sin(multiply(PLAN, x, d, weights, backend=backend).flat))

            return jax.jit(jax.jacrev(jax.grad(number)))(directions)

        assert_close(curvature("so2"), curvature("dense"), 1e-10)


@DTYPES
@BACKEND
def test_rotations_and_reflections(backend, dtype, tolerance):
    with in_dtype(dtype):
        x, directions, weights = draw(PLAN, 6, dtype)
        g = jnp.asarray(groups.O(3).sample(jax.random.key(1), (6,)), dtype)
        assert set(np.sign(np.linalg.det(g))) == {-1.0, 1.0}
        turned = jnp.einsum("eij,ej->ei", g, directions, precision="highest")
        moved = multiply(PLAN, x.transform(g), turned, weights, backend=backend)
        expected = multiply(PLAN, x, directions, weights, backend=backend).transform(g)
        assert_close(moved, expected, tolerance)
        # The directions left as they are, it is no symmetry.
        broken = multiply(PLAN, x.transform(g), directions, weights, backend=backend)
        with pytest.raises(AssertionError):
            assert_close(broken, expected, 1e-2)


def test_the_length_and_the_roll_do_not_matter():
    with in_dtype(np.float64):
        x, directions, weights = draw(PLAN, 6, np.float64)
        z = multiply(PLAN, x, directions, weights, backend="so2")
        longer = multiply(PLAN, x, 1e3 * directions, weights, backend="so2")
        assert_close(longer, z, 1e-13)
        # On both sides of the border between the charts of the frames, which differ by a roll.
        border = np.array([[s, 1e-13, t] for s in (1, -1) for t in (-2.0, 0.0, 2.0)])
        above, below = (
            multiply(PLAN, x, jnp.asarray(border * [1, sign, 1]), weights, backend="so2")
            for sign in (1, -1)
        )
        assert_close(above, below, 1e-11)


@pytest.mark.slow
@BACKEND
def test_batches(backend):
    x, directions, weights = draw(PLAN, 4, np.float32)
    z = multiply(PLAN, x, directions, weights, backend=backend)
    with jax.disable_jit():
        assert_close(multiply(PLAN, x, directions, weights, backend=backend), z, 1e-5)
    mapped = jax.vmap(functools.partial(multiply, PLAN, backend=backend))(x, directions, weights)
    assert_close(mapped, z, 1e-5)
    shared = multiply(PLAN, x, directions, weights[0], backend=backend)
    repeated = jnp.broadcast_to(weights[:1], weights.shape)
    assert_close(shared, multiply(PLAN, x, directions, repeated, backend=backend), 1e-5)
    none = multiply(PLAN, *jax.tree.map(lambda a: a[:0], (x, directions, weights)), backend=backend)
    assert none.shape == (0,) and none.dtype == np.float32


@BACKEND
def test_summands_without_paths(backend):
    plan = plan_of("2x0e+2x4e", "1o", "2x1o")
    x, directions, weights = draw(plan, 2, np.float32)
    z = multiply(plan, x, directions, weights, backend=backend)
    expected = loops(plan, x, np.asarray(edge_harmonics(plan, directions)), weights)
    assert_close(z.blocks, expected, 1e-6)


@BACKEND
def test_half_precision_stays(backend):
    x, directions, weights = draw(PLAN, 3, jnp.bfloat16)
    z = jax.eval_shape(lambda *a: multiply(PLAN, *a, backend=backend), x, directions, weights)
    assert all(block.dtype == jnp.bfloat16 for block in z.blocks)
