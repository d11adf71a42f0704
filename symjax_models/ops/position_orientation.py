"""Convolution of functions of a position and an orientation, on graphs and on clouds of points."""

import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.ops import message_passing, safe
from symjax_models.ops.graph import Graph
from symjax_models.ops.nearest_neighbours import gather_neighbours
from symjax_models.typing import Array

_HIGHEST = jax.lax.Precision.HIGHEST


def pair_invariants(displacements: Array, orientations: Array) -> Array:
    """Compute what rotations leave of a displacement d seen along orientations o.

    - d = 3: `(o . x, |x - (o . x) o|)`, along and across.
    - d = 2: `(o . x, o_1 x_2 - o_2 x_1)`, along and to the left.

    Args:
        displacements: x, `[*edge, d]`.
        orientations: o, unit vectors `[*edge, O, d]`; axes of `edge` may have length 1.

    Returns:
        The invariants `[*edge, O, 2]`, in the unit of the displacements.

    Raises:
        ValueError: If d is not 2 or 3.

    Equivariance:
        Invariant under rotations of displacements and orientations together, for d = 3 under
        reflections too; exact.

    Numerics:
        Both components have finite derivatives where x is zero or along o.

    Source:
        E. Bekkers et al. 2024, arXiv:2310.02970, theorem 1, equations 3 and 4.

    >>> pair_invariants(jnp.array([3.0, 4.0, 0.0]), jnp.array([[1.0, 0.0, 0.0]])).tolist()
    [[3.0, 4.0]]
    """
    x = displacements[..., None, :]
    along = jnp.sum(x * orientations, axis=-1)
    dimension = displacements.shape[-1]
    if dimension == 3:
        across = safe.norm(x - along[..., None] * orientations)
    elif dimension == 2:
        across = orientations[..., 0] * x[..., 1] - orientations[..., 1] * x[..., 0]
    else:
        raise ValueError(f"expected displacements of 2 or 3 components, got {dimension}")
    return jnp.stack([along, across], axis=-1)


def orientation_invariants(grid: np.ndarray) -> np.ndarray:
    """Compute what rotations leave of pairs of orientations of a grid.

    Args:
        grid: Constant unit vectors o_p, `[O, d]`.

    Returns:
        In float64: `o_p . o_q`, `[O, O, 1]`, for d = 3; with `o_p1 o_q2 - o_p2 o_q1` as a second
        component, `[O, O, 2]`, for d = 2.

    Equivariance:
        Invariant under rotations of the grid, so they hold for a grid that is attached to a frame.

    >>> orientation_invariants(np.eye(3))[..., 0].tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    components = [grid @ grid.T]
    if grid.shape[-1] == 2:
        components.append(grid[:, None, 0] * grid[:, 1] - grid[:, None, 1] * grid[:, 0])
    return np.stack(components, axis=-1)


def polynomials(inputs: Array, *, degree: int) -> Array:
    """Evaluate all monomials of up to a degree, scaled to a mean square of 1.

    `x^a / sqrt(prod_i (2 a_i - 1)!!)` for `|a| <= degree`, whose mean square is 1 where the inputs
    are independent standard normal.

    Args:
        inputs: x, `[..., M]`.
        degree: The highest degree.

    Returns:
        `[..., binomial(M + degree, degree)]`, the constant 1 first.

    Source:
        E. Bekkers et al. 2024, arXiv:2310.02970, appendix on implementation, where monomials of
        the same powers are repeated and not scaled, and there is no constant.

    >>> polynomials(jnp.array([3.0]), degree=2).tolist()
    [1.0, 3.0, 5.196152210235596]
    """
    factors, scales = _monomials(inputs.shape[-1], degree)
    values = [jnp.ones(inputs.shape[:-1], inputs.dtype)]
    for shorter, variable in factors:
        values.append(values[shorter] * inputs[..., variable])
    return jnp.stack(values, axis=-1) * scales.astype(inputs.dtype)


def convolve_positions(
    kernel: Array, features: Array, *, neighbours: Graph | Array, own_kernel: Array | None = None
) -> Array:
    """Sum the features of neighbours, each channel times its kernel, at every orientation.

    `y_i(o) = sum_j k_ij(o) f_j(o)`, with the node itself as one of its neighbours.

    Args:
        kernel: k, on the edges of a graph `[*edge, O, C]`, or `[*batch, N, k, O, C]`.
        features: f, `[*batch, N, O, C]`.
        neighbours: A graph of either layout, or indices `[*batch, N, k]` of the neighbours in a
            cloud, among which every point counts itself.
        own_kernel: The kernel of a node at itself `[C]`, for graphs, which have no such edges.

    Returns:
        y, `[*batch, N, O, C]`.

    Equivariance:
        Permutations of nodes; of orientations, if kernel and features move with them.
    """
    if not isinstance(neighbours, Graph):
        return jnp.sum(kernel * gather_neighbours(features, neighbours), axis=-3)
    messages = kernel * message_passing.gather_senders(neighbours, features)
    received = message_passing.sum_messages(neighbours, messages)
    return received if own_kernel is None else received + own_kernel * features


def convolve_orientations(kernel: Array, features: Array) -> Array:
    """Average features over orientations, each channel times its kernel.

    `y(o_p) = 1 / sqrt(O) sum_q k(o_p, o_q) f(o_q)`

    Args:
        kernel: k, `[O, O, C]`.
        features: f, `[..., O, C]`.

    Returns:
        y, `[..., O, C]`.

    Source:
        E. Bekkers et al. 2024, arXiv:2310.02970, equation 8, where the factor is 1 / O, made up
        for by a calibration of the kernel on the first batch.
    """
    scale = kernel.shape[0] ** -0.5
    return jnp.einsum("pqc,...qc->...pc", kernel * scale, features)


def lift(scalars: Array, vectors: Array, orientations: Array) -> Array:
    """Turn scalars and vectors into functions of the orientation: s and v . o.

    Args:
        scalars: s, `[*batch, N, S]`.
        vectors: v, channels last, `[*batch, N, d, V]`.
        orientations: o, `[*batch, N, O, d]`; the axis N may have length 1.

    Returns:
        `[*batch, N, O, S + V]`.
    """
    projected = jnp.einsum("...od,...dv->...ov", orientations, vectors, precision=_HIGHEST)
    shape = (*projected.shape[:-1], scalars.shape[-1])
    constant = jnp.broadcast_to(scalars[..., None, :], shape)
    return jnp.concatenate([constant, projected], axis=-1)


def read_vectors(features: Array, orientations: Array) -> Array:
    """Turn functions of the orientation into vectors, `mean over o of f(o) o`.

    Args:
        features: f, `[*batch, N, O, C]`.
        orientations: o, `[*batch, N, O, d]`; the axis N may have length 1.

    Returns:
        Vectors, channels last, `[*batch, N, d, C]`.
    """
    count = orientations.shape[-2]
    orientations = jnp.broadcast_to(orientations, (*features.shape[:-1], orientations.shape[-1]))
    return jnp.einsum("...oc,...od->...dc", features, orientations, precision=_HIGHEST) / count


@functools.cache
def _monomials(variables: int, degree: int) -> tuple[tuple[tuple[int, int], ...], np.ndarray]:
    """Return each monomial as an earlier one times a variable, and the scales of all."""
    index: dict[tuple[int, ...], int] = {(): 0}
    factors, scales = [], [1.0]
    for length in range(1, degree + 1):
        for word in itertools.combinations_with_replacement(range(variables), length):
            index[word] = len(index)
            factors.append((index[word[:-1]], word[-1]))
            powers = [word.count(variable) for variable in range(variables)]
            square = math.prod(math.prod(range(2 * power - 1, 0, -2)) for power in powers)
            scales.append(square**-0.5)
    constants = np.array(scales)
    constants.flags.writeable = False
    return tuple(factors), constants
