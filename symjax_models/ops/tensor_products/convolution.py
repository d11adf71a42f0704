"""Equivariant convolution on the edges of a graph."""

import jax
import jax.numpy as jnp

from symjax_models.ops.harmonics import spherical_harmonics
from symjax_models.ops.tensor_products.paths import irrep_kinds
from symjax_models.ops.tensor_products.plan import TensorProductPlan
from symjax_models.reps.arrays import RepArray
from symjax_models.suggestion import look_up
from symjax_models.typing import Array

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
        and gradients whatever they and the nodes they name hold, even NaN.

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
    sent = x.map(lambda block: jnp.asarray(block)[senders])
    if edge_mask is not None:
        # Inputs are masked, and not messages: what padding holds enters no product at all.
        sent = sent.map(lambda block: _mask(edge_mask, block))
        displacements, weights = _mask(edge_mask, displacements), _mask(edge_mask, weights)
    if backend in ("auto", "so2"):
        messages = plan.apply_so2(sent, displacements, weights)
    else:
        y = edge_harmonics(plan, displacements).astype(weights.dtype)
        messages = plan.apply(sent, y, weights, backend=backend)
    sums = [jax.ops.segment_sum(block, receivers, num_nodes) for block in messages.blocks]
    return RepArray(plan.rep_out, sums)


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


def _mask(edge_mask: Array, values: Array) -> Array:
    return jnp.where(edge_mask.reshape(-1, *[1] * (values.ndim - 1)), values, 0)
