"""Plain arrays of other libraries as typed features, and back: the layouts of e3nn-jax and e3x.

NumPy in, NumPy out; what comes of JAX arrays is of JAX.
"""

import collections
import functools
from typing import Any

import jax.numpy as jnp
import numpy as np

from symjax_models import groups
from symjax_models.reps import base, matrices
from symjax_models.reps.arrays import RepArray
from symjax_models.reps.irreps_strings import format_irreps, parse_irreps
from symjax_models.reps.rotation import wigner_d
from symjax_models.reps.rotation_irreps import kind_of_irrep, rotation_irrep
from symjax_models.typing import ArrayLike

_O3 = groups.O(3)


def from_e3nn(irreps: str, array: ArrayLike) -> RepArray:
    """Read the array of an `IrrepsArray` of e3nn-jax.

    Its last axis holds one chunk per term of the string, copy after copy. Chunks of one irrep,
    which e3nn keeps apart, become neighbouring channels of one block, in the order of the chunks.

    Args:
        irreps: The irreps of the array, `str(x.irreps)`, such as `"8x0e+4x0e+1x1o"`.
        array: The components, `x.array`, `[..., D]`.

    Returns:
        Features of `parse_irreps(irreps)`.

    Raises:
        ValueError: If the string cannot be read, or the last axis does not have its dimension.

    Source: the memory order of e3nn (Geiger, Smidt 2022, arXiv:2207.09453).

    >>> from_e3nn("2x0e+1o+1x0e", jnp.arange(6.0))["0e"].tolist()
    [[0.0, 1.0, 5.0]]
    """
    values, rep = _as_array(array), parse_irreps(irreps)
    xp = matrices.namespace(values)
    if values.ndim == 0 or values.shape[-1] != rep.dim:
        raise ValueError(f"an array of {irreps!r} has shape [..., {rep.dim}], got {values.shape}")
    chunks: dict[base.Rep, list[Any]] = collections.defaultdict(list)
    start = 0
    for part in irreps.split("+") if rep.terms else []:
        for multiplicity, irrep in parse_irreps(part).terms:
            stop = start + multiplicity * irrep.dim
            copies = values[..., start:stop].reshape(*values.shape[:-1], multiplicity, irrep.dim)
            chunks[irrep].append(copies.swapaxes(-1, -2))
            start = stop
    return RepArray(rep, [xp.concatenate(chunks[irrep], axis=-1) for _, irrep in rep.terms])


def to_e3nn(x: RepArray) -> tuple[str, Any]:
    """Return the string and the array of which e3nn-jax makes an `IrrepsArray`.

    Args:
        x: Features of a sum of irreps of O(3).

    Returns:
        The irreps, one chunk for each, and the components `[..., D]` in the order of `x.flat`.

    Raises:
        ValueError: If the group is not O(3), or a summand is no irrep.

    >>> to_e3nn(from_e3nn("2x0e+1o+1x0e", jnp.arange(6.0)))[0]
    '3x0e+1x1o'
    """
    _check_group(x, library="e3nn")
    copies = [block.swapaxes(-1, -2) for block in x.blocks]
    rows = [block.reshape(*x.shape, block.shape[-2] * block.shape[-1]) for block in copies]
    return format_irreps(x.rep), _namespace(x).concatenate(rows, axis=-1) if rows else x.flat


def from_e3x(array: ArrayLike, *, cartesian_order: bool = True) -> RepArray:
    r"""Read features of e3x.

    Their polar axis is z, and ours y: with the standard real harmonics S, those of e3x are S(r)
    and ours are Y(x, y, z) = S(z, x, y), so that S(r) = Y(C r) = D(C) Y(r) with C (x, y, z) =
    (y, z, x). Components turn with D(C)^T, after their order within a degree is undone.

    Args:
        array: Features `[..., P, (L+1)^2, F]`, degrees 0 to L in turn. For P = 2, what is even
            and what is odd under inversion; for P = 1, degree l has the parity (-1)^l.
        cartesian_order: Whether the orders m of a degree are l, -l, l-1, -(l-1), ..., 0, e3x's
            default, in which degree 1 is (x, y, z); if not, they are -l, ..., l.

    Returns:
        Features `F x (0e + 1o + 2e + ...)` for P = 1, `F x (0e + 0o + 1e + 1o + ...)` for P = 2.

    Raises:
        ValueError: If the shape is another one.

    Equivariance:
        O(3): the rotation of e3x's features by the matrix R (on row vectors, r R) is the
        transformation of ours by R^T (on columns).

    Numerics:
        The change of basis is orthogonal, at the highest precision; degrees 0 and 1 are exact.
        Nothing is scaled: e3x's harmonics, by default in the normalization "racah", are those of
        `ops.harmonics` in the normalization "norm".

    Source: conventions of e3x (Unke and Maennel 2024, arXiv:2401.07595).

    >>> from_e3x(jnp.arange(4.0).reshape(1, 4, 1))["1o"][:, 0].tolist()
    [1.0, 2.0, 3.0]
    """
    values = _as_array(array)
    size = values.shape[-2] if values.ndim >= 3 else 0
    count = round(size**0.5)
    if not size or count**2 != size or values.shape[-3] not in (1, 2):
        raise ValueError(
            f"features of e3x have shape [..., P, (L+1)^2, F] with P = 1 or 2, got {values.shape}"
        )
    terms, blocks = [], []
    for degree in range(count):
        parities = ((-1) ** degree,) if values.shape[-3] == 1 else (1, -1)
        for index, parity in enumerate(parities):
            terms.append((values.shape[-1], rotation_irrep(_O3, degree, parity=parity)))
            block = values[..., index, degree**2 : (degree + 1) ** 2, :]
            blocks.append(_change(block, degree, cartesian_order, to_e3x=False))
    return RepArray(base.direct_sum(terms, group=_O3), blocks)


def to_e3x(x: RepArray, *, cartesian_order: bool = True) -> Any:
    """Return features as an array of e3x; the inverse of `from_e3x`.

    Args:
        x: Features of O(3): irreps with the same number F of copies.
        cartesian_order: As in `from_e3x`.

    Returns:
        The array, `[..., P, (L+1)^2, F]` up to the highest degree of x: P = 1 if every irrep has
        the parity (-1)^l of harmonics, otherwise 2. What x has no irrep for is zero.

    Raises:
        ValueError: If the group is not O(3), a summand is no irrep, or the numbers of copies
            differ.

    >>> to_e3x(from_e3x(jnp.ones((2, 9, 4)))).shape
    (2, 9, 4)
    """
    _check_group(x, library="e3x")
    counts = {count for count, _ in x.rep.terms}
    if len(counts) != 1:
        raise ValueError(
            "features of e3x have the same number of copies of every irrep, got "
            f"{format_irreps(x.rep) or 'no irreps'}"
        )
    kinds = [kind_of_irrep(term) for _, term in x.rep.terms]
    given = dict(zip(kinds, x.blocks, strict=True))
    is_harmonic = all(parity == (-1) ** degree for degree, parity in kinds)
    max_degree, channels = max(degree for degree, _ in kinds), counts.pop()
    xp = _namespace(x)
    slots = []
    for index in range(1 if is_harmonic else 2):
        rows = []
        for degree in range(max_degree + 1):
            kind = (degree, (-1) ** (degree if is_harmonic else index))
            if kind in given:
                rows.append(_change(given[kind], degree, cartesian_order, to_e3x=True))
            else:
                rows.append(xp.zeros((*x.shape, 2 * degree + 1, channels), x.blocks[0].dtype))
        slots.append(xp.concatenate(rows, axis=-2))
    return xp.stack(slots, axis=-3)


def _check_group(x: RepArray, *, library: str) -> None:
    if x.rep.group != _O3:
        raise ValueError(f"{library} knows irreps of O(3), got features of {x.rep!r}")


def _as_array(array: Any) -> Any:
    """Return a floating array: of NumPy if it was one of NumPy, else of JAX."""
    array = array if isinstance(array, np.ndarray) else jnp.asarray(array)
    is_whole = not jnp.issubdtype(array.dtype, jnp.inexact)
    return array.astype(jnp.result_type(float)) if is_whole else array


def _namespace(x: RepArray) -> Any:
    """Return NumPy if every block is an array of NumPy, else `jax.numpy`."""
    return np if all(isinstance(block, np.ndarray) for block in x.blocks) else jnp


def _change(block: Any, degree: int, cartesian_order: bool, *, to_e3x: bool) -> Any:
    """Change the basis of components `[..., 2 l + 1, F]`."""
    block, matrix = _as_array(block), _basis_change(degree, cartesian_order)
    matrix = matrix if to_e3x else matrix.T
    return matrices.matmul(matrices.namespace(block).asarray(matrix, block.dtype), block)


@functools.lru_cache(maxsize=128)
def _basis_change(degree: int, cartesian_order: bool) -> np.ndarray:
    """Return the matrix from our components of a degree to those of e3x, `[2 l + 1, 2 l + 1]`."""
    cycle = np.roll(np.eye(3), 1, axis=1)
    matrix = wigner_d(cycle, degree=degree)
    if cartesian_order:
        orders = [sign * m for m in range(degree, 0, -1) for sign in (1, -1)]
        matrix = matrix[degree + np.array([*orders, 0])]
    matrix.flags.writeable = False
    return matrix
