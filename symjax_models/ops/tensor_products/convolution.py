"""Equivariant convolution on the edges of a graph."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from symjax_models.ops.harmonics import spherical_harmonics
from symjax_models.ops.masking import mask_padding
from symjax_models.ops.tensor_products.paths import irrep_kinds
from symjax_models.ops.tensor_products.plan import TensorProductPlan
from symjax_models.reps.arrays import RepArray
from symjax_models.suggestion import look_up
from symjax_models.typing import Array

# Of the features of all edges: up to eight megabytes in float32 they are not cut into pieces, and
# otherwise into those of one.
_NUMBERS_IN_ONE_PIECE, _NUMBERS_OF_A_PIECE = 2**21, 2**18
_BACKENDS = ("auto", "dense", "so2", "sparse")


def convolution(
    plan: TensorProductPlan,
    x: RepArray,
    displacements: Array,
    weights: Array,
    *,
    senders: Array,
    receivers: Array,
    num_nodes: int,
    edge_mask: Array | None = None,
    backend: str = "auto",
) -> RepArray:
    """Multiply the features of senders by the harmonics of edges, and sum over receivers.

    `z_i = sum over edges e = (j to i) of plan(x_j, Y(r_e), w_e)`, with the harmonics Y of r / |r|
    in the normalization "component".

    Args:
        plan: The product, whose `rep2` is made of irreps of harmonics.
        x: Features of the nodes, of `plan.rep1`, batch `[N]`.
        displacements: r, `[E, 3]`.
        weights: w, `[E, P, C]`; usually functions of |r|.
        senders: Index j of the node that an edge leaves, `[E]`.
        receivers: Index i of the node that an edge enters, `[E]`.
        num_nodes: Number of nodes of the result.
        edge_mask: True for real edges, `[E]`; all are if None.
        backend: `"so2"`, `"dense"`, `"sparse"`, or `"auto"`: so2.

    Returns:
        z, features of `plan.rep_out`, batch `[num_nodes]`.

    Raises:
        ValueError: If `rep2` has other irreps, or a type, shape or backend does not fit.

    Equivariance: O(3) or SO(3) on x and displacements; permutations of nodes: equivariant; of
        edges: invariant. Exact up to rounding.

    Numerics:
        Forces, derivatives by the displacements, are true gradients, themselves differentiable. An
        edge of length zero has the harmonic of degree 0 alone. Padding edges add nothing to values
        and gradients whatever they and the nodes they name hold, even NaN. On CPUs a few hundred
        edges are taken at a time, and derivatives compute again what is between their inputs and
        their result, so that the memory for it does not grow with the number of edges.

    Source: Thomas et al. 2018, arXiv:1802.08219 (tensor field networks), equation 3.

    >>> from symjax_models import reps
    >>> plan = TensorProductPlan(*[reps.parse_irreps(s) for s in ("2x0e", "1o", "2x1o")])
    >>> x = RepArray.from_flat(plan.rep1, jnp.ones((2, 2)))
    >>> z = convolution(plan, x, jnp.array([[0.0, 0.0, 2.0]]), jnp.ones((1, 1, 2)),
    ...                 senders=jnp.array([0]), receivers=jnp.array([1]), num_nodes=2)
    >>> z.flat[1].round().tolist()
    [0.0, 0.0, 2.0, 0.0, 0.0, 2.0]
    """
    look_up(backend, dict.fromkeys(_BACKENDS), what="backend")
    displacements, weights = jnp.asarray(displacements), jnp.asarray(weights)
    if displacements.ndim != 2 or weights.ndim != 3 or len(weights) != len(displacements):
        raise ValueError(
            "expected displacements [E, 3] and weights [E, P, C], got shapes "
            f"{displacements.shape} and {weights.shape}"
        )
    if len(x.shape) != 1:
        raise ValueError(f"expected features of nodes, with one batch axis [N], got {x.shape}")
    of_edges = {"senders": senders, "receivers": receivers}
    if edge_mask is not None:
        of_edges["edge_mask"] = edge_mask
    for name, array in of_edges.items():
        if array.shape != displacements.shape[:1]:
            raise ValueError(
                f"expected {name} of shape {displacements.shape[:1]}, one per edge, got "
                f"{array.shape}"
            )
    edges = _Edges(displacements, weights, senders, receivers, edge_mask)

    def add(total: RepArray, piece: _Edges) -> tuple[RepArray, None]:
        messages = _messages(plan, x, piece, backend)
        pairs = zip(total.blocks, messages.blocks, strict=True)
        return RepArray(total.rep, [z.at[piece.receivers].add(m) for z, m in pairs]), None

    dtype = jnp.result_type(float, x.dtype, weights.dtype)
    total = RepArray.from_flat(plan.rep_out, jnp.zeros((num_nodes, plan.rep_out.dim), dtype))
    size = size_of_pieces(plan, len(displacements))
    count = len(displacements) // size
    if count > 1:
        pieces = jax.tree.map(
            lambda array: array[: count * size].reshape(count, size, *array.shape[1:]), edges
        )
        total, _ = jax.lax.scan(jax.checkpoint(add, prevent_cse=False), total, pieces)
        edges = jax.tree.map(lambda array: array[count * size :], edges)
    return add(total, edges)[0] if len(edges.senders) or count <= 1 else total


class _Edges(NamedTuple):
    displacements: Array
    weights: Array
    senders: Array
    receivers: Array
    edge_mask: Array | None


def _messages(plan: TensorProductPlan, x: RepArray, edges: _Edges, backend: str) -> RepArray:
    displacements, weights = edges.displacements, edges.weights
    sent = x.map(lambda block: jnp.asarray(block)[edges.senders])
    # Inputs are masked, and not messages: what padding holds enters no product at all.
    mask = functools.partial(mask_padding, edges.edge_mask)
    sent, displacements, weights = sent.map(mask), mask(displacements), mask(weights)
    return multiply_edges(plan, sent, displacements, weights, backend=backend)


def multiply_edges(
    plan: TensorProductPlan, sent: RepArray, displacements: Array, weights: Array, *, backend: str
) -> RepArray:
    """Multiply features on edges by the harmonics of the edges.

    Args:
        plan: The product.
        sent: Features of `plan.rep1`, batch `[...]`.
        displacements: r, `[..., 3]`.
        weights: w, `[..., P, C]`.
        backend: `"so2"`, `"dense"`, `"sparse"`, or `"auto"`: so2.

    Returns:
        Features of `plan.rep_out`.

    Raises:
        ValueError: If `rep2` has other irreps, or a type, shape or backend does not fit.
    """
    look_up(backend, dict.fromkeys(_BACKENDS), what="backend")
    if backend in ("auto", "so2"):
        return plan.apply_so2(sent, displacements, weights)
    weights = weights.astype(jnp.result_type(float, weights))
    y = edge_harmonics(plan, displacements).astype(weights.dtype)
    return plan.apply(sent, y, weights, backend=backend)


def size_of_pieces(plan: TensorProductPlan, num_edges: int) -> int:
    """Return how many edges are worked on at once.

    Args:
        plan: The product.
        num_edges: Number of edges E.

    Returns:
        At least 1; a divisor of E where one is near the size that is wanted.
    """
    # Accelerators want them all. A CPU's caches do not hold the features of many edges, and for
    # large arrays memory is asked of the system, and cleared by it, again in every call.
    width = max(plan.rep1.dim, plan.rep_out.dim)
    if jax.default_backend() != "cpu" or num_edges * width <= _NUMBERS_IN_ONE_PIECE:
        return max(1, num_edges)
    limit = max(1, _NUMBERS_OF_A_PIECE // width)
    # Without a rest, only one function is compiled.
    return next((size for size in range(limit, limit // 2, -1) if num_edges % size == 0), limit)


def edge_harmonics(plan: TensorProductPlan, directions: Array) -> Array:
    """Evaluate the harmonics of the degrees of a plan's `rep2`, in the order of its terms.

    Args:
        plan: The product.
        directions: d, `[..., 3]`, of any length.

    Returns:
        Components of `plan.rep2`, `[..., D]`, in the normalization "component".

    Raises:
        ValueError: If `rep2` is not made of irreps of harmonics.
    """
    plan.check_harmonics()
    degrees = [degree for degree, _ in irrep_kinds(plan.rep2)]
    y = spherical_harmonics(directions, max_degree=max(degrees))
    return jnp.concatenate([y[..., l * l : (l + 1) ** 2] for l in degrees], axis=-1)
