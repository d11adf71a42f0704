"""Convolutions: forces, symmetry, padding, order of edges, and the size of what is traced."""

import functools
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import groups, reps
from symjax_models.ops.tensor_products import TensorProductPlan, convolution
from symjax_models.ops.tensor_products.convolution import size_of_pieces

BACKEND = pytest.mark.parametrize("backend", ["auto", "dense", "sparse"])
DTYPES = pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-10)])
NODES, EDGES = 4, 9


def in_dtype(dtype):
    return jax.enable_x64(dtype == np.float64)


def harmonic_plan(max_degree, channels=1):
    harmonics = reps.harmonic_irreps(max_degree)
    return TensorProductPlan(channels * harmonics, harmonics, channels * harmonics)


PLAN = harmonic_plan(2, channels=2)


@functools.partial(jax.jit, static_argnums=0, static_argnames="backend")
def convolve(plan, x, displacements, weights, edges, *, backend="auto"):
    return convolution(plan, x, displacements, weights, num_nodes=NODES, backend=backend, **edges)


def draw(plan, dtype, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(NODES, plan.rep1.dim))
    displacements = rng.normal(size=(EDGES, 3))
    weights = rng.normal(size=(EDGES, plan.num_paths, plan.num_channels))
    edges = {
        "senders": rng.integers(NODES, size=EDGES),
        "receivers": rng.integers(NODES, size=EDGES),
    }
    x, displacements, weights = (jnp.asarray(a, dtype) for a in (x, displacements, weights))
    return reps.RepArray.from_flat(plan.rep1, x), displacements, weights, edges


def assert_close(found, expected, tolerance):
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        a, b = np.asarray(a), np.asarray(b)
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(1, np.abs(b).max(initial=0)))


@BACKEND
def test_is_the_sum_of_products_over_edges(backend):
    x, displacements, weights, edges = draw(PLAN, np.float32)
    z = convolve(PLAN, x, displacements, weights, edges, backend=backend)
    sent = x.map(lambda block: block[edges["senders"]])
    messages = PLAN.apply_so2(sent, displacements, weights).flat
    expected = np.zeros((NODES, PLAN.rep_out.dim))
    for message, receiver in zip(messages, edges["receivers"], strict=True):
        expected[receiver] += message
    assert_close(z.flat, expected, 1e-5)


@DTYPES
@BACKEND
def test_rotations_and_reflections(backend, dtype, tolerance):
    with in_dtype(dtype):
        x, displacements, weights, edges = draw(PLAN, dtype)
        expected = convolve(PLAN, x, displacements, weights, edges, backend=backend)
        for g in np.asarray(groups.O(3).sample(jax.random.key(1), (4,)), dtype):
            turned = displacements @ g.T
            moved = convolve(PLAN, x.transform(g), turned, weights, edges, backend=backend)
            assert_close(moved, expected.transform(g), tolerance)
        # Harmonics of other vectors than the turned ones are no symmetry.
        broken = convolve(PLAN, x.transform(g), turned + 0.3, weights, edges, backend=backend)
        with pytest.raises(AssertionError):
            assert_close(broken, expected.transform(g), 1e-2)


def test_order_of_edges_and_nodes():
    x, displacements, weights, edges = draw(PLAN, np.float32)
    expected = convolve(PLAN, x, displacements, weights, edges)
    order = np.random.default_rng(3).permutation(EDGES)
    shuffled = {name: index[order] for name, index in edges.items()}
    assert_close(convolve(PLAN, x, displacements[order], weights[order], shuffled), expected, 1e-5)
    nodes = np.random.default_rng(4).permutation(NODES)
    renamed = {name: np.argsort(nodes)[index] for name, index in edges.items()}
    moved = convolve(PLAN, x.map(lambda b: b[nodes]), displacements, weights, renamed)
    assert_close(moved, expected.map(lambda b: b[nodes]), 1e-5)


@pytest.mark.parametrize("backend", ["auto", "dense"])
def test_padding_adds_nothing(backend):
    x, displacements, weights, edges = draw(PLAN, np.float32)

    def number(x, displacements, weights, edges):
        z = convolve(PLAN, x, displacements, weights, edges, backend=backend)
        return jnp.sum(jnp.sin(z.flat[:-1]))

    def pad(array, value):
        return jnp.concatenate([array, jnp.full((3, *array.shape[1:]), value, array.dtype)])

    # The last node is padding: no real edge touches it, and it holds no numbers.
    edges = {name: index % (NODES - 1) for name, index in edges.items()}
    evaluate = jax.value_and_grad(number, argnums=(0, 1, 2))
    expected = evaluate(x, displacements, weights, edges)
    padded = {name: pad(jnp.asarray(index), NODES - 1) for name, index in edges.items()}
    padded["edge_mask"] = jnp.arange(EDGES + 3) < EDGES
    for value in (0.0, np.nan):
        holding = x.map(lambda block: block.at[-1].set(value))
        found = evaluate(holding, pad(displacements, value), pad(weights, value), padded)
        assert_close(found[0], expected[0], 1e-6)
        assert_close(found[1][0], expected[1][0], 1e-5)
        for gradient, reference in zip(found[1][1:], expected[1][1:], strict=True):
            assert_close(gradient[:EDGES], reference, 1e-5)
            np.testing.assert_array_equal(gradient[EDGES:], 0)


def test_pieces_of_the_edges_are_the_whole(monkeypatch):
    plan = TensorProductPlan(*(reps.parse_irreps(text) for text in ("2x1o", "0e+2e", "2x1o")))
    with in_dtype(np.float64):
        x, displacements, weights, edges = draw(plan, np.float64)
        edges["edge_mask"] = jnp.arange(EDGES) != 2

        def number(*arguments):
            return jnp.sum(jnp.sin(convolution(plan, *arguments, num_nodes=NODES, **edges).flat))

        def derivatives():
            gradient = jax.value_and_grad(lambda *a: number(*a), argnums=(0, 1, 2))
            return jax.jit(gradient)(x, displacements, weights)

        expected = derivatives()
        # Of nine edges two pieces, and a rest of one edge.
        module = sys.modules[convolution.__module__]
        monkeypatch.setattr(module, "size_of_pieces", lambda plan, num_edges: 4)
        assert_close(derivatives(), expected, 1e-12)


def test_size_of_pieces():
    plan = harmonic_plan(3, channels=32)
    assert [size_of_pieces(plan, count) for count in (0, 1, 4000, 10_000)] == [1, 1, 4000, 500]
    # A prime number of edges has a rest.
    assert size_of_pieces(plan, 10_007) == 512


@pytest.mark.parametrize("backend", ["auto", "dense"])
def test_without_edges(backend):
    x, displacements, weights, edges = draw(PLAN, np.float32)
    none = {name: index[:0] for name, index in edges.items()}
    z = convolve(PLAN, x, displacements[:0], weights[:0], none, backend=backend)
    assert z.shape == (NODES,) and z.dtype == np.float32
    np.testing.assert_array_equal(z.flat, 0)


@pytest.mark.parametrize(
    "max_degree", [1, 2, *(pytest.param(degree, marks=pytest.mark.slow) for degree in (3, 4))]
)
def test_forces_and_their_derivatives(max_degree):
    irreps = ["0e", "1o", "2e", "3o", "4e"]
    rep = reps.parse_irreps("+".join(sorted({"1o", irreps[max_degree]})))
    harmonics = reps.harmonic_irreps(max_degree)
    plan = TensorProductPlan(rep, harmonics, rep)
    with in_dtype(np.float64):
        x, displacements, weights, edges = draw(plan, np.float64)

        def energy(displacements):
            return jnp.sum(jnp.sin(convolve(plan, x, displacements, weights, edges).flat))

        directions = np.random.default_rng(5).normal(size=displacements.shape)
        force = jax.jit(jax.grad(energy))
        step = 1e-5 * directions
        difference = (energy(displacements + step) - energy(displacements - step)) / 2e-5
        np.testing.assert_allclose(
            jnp.vdot(force(displacements), directions), difference, rtol=1e-7, atol=1e-7
        )
        change = jax.jit(jax.grad(lambda d: jnp.vdot(force(d), directions)))(displacements)
        differences = (force(displacements + step) - force(displacements - step)) / 2e-5
        np.testing.assert_allclose(change, differences, rtol=1e-6, atol=1e-6)


# What is traced grows like the number of paths times the degree, and no faster.
@pytest.mark.parametrize(("max_degree", "ceiling"), [(2, 400), (4, 1000), (6, 2600)])
def test_what_is_traced_is_small(max_degree, ceiling):
    plan = harmonic_plan(max_degree)
    x, displacements, weights, edges = draw(plan, np.float32)
    jaxpr = jax.make_jaxpr(functools.partial(convolve, plan))(x, displacements, weights, edges)
    assert count_equations(jaxpr.jaxpr) < ceiling


def count_equations(jaxpr):
    inner = [
        leaf
        for equation in jaxpr.eqns
        for leaf in jax.tree.leaves(equation.params)
        if hasattr(leaf, "eqns")
    ]
    return len(jaxpr.eqns) + sum(map(count_equations, inner))


def test_arguments_that_do_not_fit():
    x, displacements, weights, edges = draw(PLAN, np.float32)
    with pytest.raises(ValueError, match="did you mean 'so2'"):
        convolve(PLAN, x, displacements, weights, edges, backend="so3")
    with pytest.raises(ValueError, match=r"displacements \[E, 3\] and weights \[E, P, C\]"):
        convolve(PLAN, x, displacements, weights[0], edges)
    axial = TensorProductPlan(*(reps.parse_irreps(text) for text in ("2x1o", "1e", "2x1o")))
    x = reps.normal(jax.random.key(0), axial.rep1, (NODES,))
    for backend in ("auto", "dense"):
        with pytest.raises(ValueError, match="harmonics of degree l and parity"):
            convolve(axial, x, displacements, weights[:, :1], edges, backend=backend)
