"""Spectral sorting of graphs: exact without ties, and with them if all orders are kept."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit
from symjax_models.ops.frames import laplacian_sort
from symjax_models.ops.symmetrization import Frame, symmetrize


def make_graph(edges, *, count=6):
    matrix = np.zeros((count, count))
    for i, j in edges:
        matrix[i, j] = matrix[j, i] = 1
    return matrix


# A graph without symmetries; one with twins; two hubs that share three leaves, with 2! 3! orders.
RIGID = make_graph([(0, 1), (1, 2), (2, 3), (3, 4), (1, 4), (4, 5), (0, 4)])
RIGID[0, 5] = RIGID[5, 0] = 2.0
TWINS = make_graph([(0, 1), (1, 2), (2, 3), (3, 4), (3, 5), (1, 3)])
STARS = make_graph([(0, 2), (0, 3), (0, 4), (1, 2), (1, 3), (1, 4)])
GRAPHS = np.stack([RIGID, TWINS, STARS])


def network(matrix):
    """Return a function of matrices without any symmetry: an invariant and one value per node."""
    rng = np.random.default_rng(0)
    sizes = [(36, 16), (16, 6)]
    first, last = (jnp.asarray(rng.normal(size=size), matrix.dtype) for size in sizes)
    flat = matrix.reshape(*matrix.shape[:-2], 36)
    outputs = jnp.matmul(jnp.tanh(jnp.matmul(flat, first, precision="highest")), last)
    return outputs.sum(-1), outputs[..., None]


def error_of(source, graphs, *, dtype):
    function = symmetrize(network, source=source, rep_in="pair", rep_out=("invariant", "scalar"))
    return audit.equivariance_error(
        function,
        graphs,
        inputs=["pair"],
        output=("invariant", "scalar"),
        reflections=False,
        translations=False,
        dtype=dtype,
    ).max


def test_exact_where_all_choices_are_kept():
    source = laplacian_sort.LaplacianSort(size=12)
    assert error_of(source, GRAPHS, dtype="float32") < 5e-6
    assert error_of(source, GRAPHS, dtype="float64") < 1e-12


def test_one_choice_is_exact_without_ties_and_fails_with_them():
    source = laplacian_sort.LaplacianSort()
    assert error_of(source, RIGID, dtype="float64") < 1e-12
    for dtype in ("float32", "float64"):
        assert error_of(source, GRAPHS, dtype=dtype) > 1e-2


def sort_by_row_order(x, *, key=None):
    identity = jnp.broadcast_to(jnp.eye(x.shape[-1], dtype=x.dtype), x.shape)[None]
    return Frame(identity, identity, jnp.ones(identity.shape[:-2], x.dtype))


def test_no_sorting_fails():
    assert error_of(sort_by_row_order, RIGID, dtype="float64") > 1e-2


def test_elements_are_all_permutations_that_the_keys_leave_free():
    frame = jax.jit(laplacian_sort.LaplacianSort(size=30))(GRAPHS)
    assert (np.asarray(frame.weights) > 0).sum(0).tolist() == [1, 2, 12]
    np.testing.assert_allclose(frame.weights.sum(0), 1, rtol=1e-6)
    elements = np.asarray(frame.elements)
    np.testing.assert_array_equal(elements.sum(-1), 1)
    np.testing.assert_array_equal(elements.sum(-2), 1)
    np.testing.assert_array_equal(np.swapaxes(elements, -1, -2), frame.inverses)
    assert len({g.tobytes() for g in elements[:12, 2]}) == 12


def test_more_ties_than_choices_are_exact_in_expectation():
    def symmetrized(size):
        source = laplacian_sort.LaplacianSort(size=size)
        return symmetrize(lambda x: network(x)[1], source=source, rep_in="pair", rep_out="scalar")

    count = 500
    graph = jnp.asarray(STARS, jnp.float32)
    draw = jax.jit(jax.vmap(lambda key: symmetrized(4)(graph, key=key)))
    drawn = np.asarray(draw(jax.random.split(jax.random.key(0), count)))
    spread = drawn.std(0) / np.sqrt(count)
    assert (spread[:5] > 1e-3).all()
    exact = jax.jit(symmetrized(12))(graph)
    assert (np.abs(drawn.mean(0) - exact) < 5 * spread + 1e-5).all()


def test_padding_stays_behind_and_changes_nothing():
    padded = np.full((3, 8, 8), np.nan)
    padded[:, :6, :6] = GRAPHS
    mask = np.broadcast_to(np.arange(8) < 6, (3, 8))
    source = jax.jit(laplacian_sort.LaplacianSort(size=12))
    found, expected = source(padded, mask=mask), source(GRAPHS)
    np.testing.assert_array_equal(found.elements[..., :6, :6], expected.elements)
    np.testing.assert_array_equal(found.weights, expected.weights)
    tail = np.asarray(found.elements)[..., 6:, 6:]
    np.testing.assert_array_equal(tail, np.broadcast_to(np.eye(2), tail.shape))


def test_errors_name_what_fits():
    with pytest.raises(ValueError, match="size of at least 1"):
        laplacian_sort.LaplacianSort(size=0)
    with pytest.raises(ValueError, match=r"adjacency matrices \[..., N, N\]"):
        laplacian_sort.LaplacianSort()(np.ones((4, 3)))
