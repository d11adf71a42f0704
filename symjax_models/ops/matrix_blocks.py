"""Matrices between orbitals, such as blocks of a Hamiltonian, and the irreps they consist of."""

import collections
import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models import groups
from symjax_models.groups import Group
from symjax_models.reps import Rep, RepArray, parse_irreps, rotation_irrep, sort_irreps
from symjax_models.reps.base import direct_sum
from symjax_models.reps.rotation.clebsch_gordan import clebsch_gordan, coupling_degrees
from symjax_models.reps.rotation_irreps import kind_of_irrep
from symjax_models.typing import Array, ArrayLike

_HIGHEST = jax.lax.Precision.HIGHEST
_O3 = groups.O(3)


@dataclasses.dataclass(frozen=True)
class _Coupling:
    """State where the part of one degree of a pair of summands lies among the features."""

    degree: int
    irrep: Rep
    start: int  # its first channel among those of the irrep
    copies: tuple[tuple[int, int], ...]  # row and column copies of its channels


@dataclasses.dataclass(frozen=True)
class _Pair:
    """State the blocks between the copies of one summand of the rows and one of the columns."""

    left: tuple[int, int, int]  # first row, copies, degree
    right: tuple[int, int, int]
    is_mirrored: bool  # whether its transpose stands on the other side of the diagonal
    couplings: tuple[_Coupling, ...]


@dataclasses.dataclass(frozen=True)
class _Layout:
    """State the irreps of a matrix and how they are laid out."""

    rep: Rep
    shape: tuple[int, int]
    pairs: tuple[_Pair, ...]


def block_irreps(
    left: Rep | str, right: Rep | str, *, symmetric: bool = False, group: Group = _O3
) -> Rep:
    """Return the irreps that matrices between orbitals consist of.

    Args:
        left: Orbitals of the rows: a sum of irreps, or its string, see `reps.parse_irreps`.
        right: Orbitals of the columns.
        symmetric: Only of symmetric matrices; the orbitals are then the same.
        group: O(3) or SO(3), the group of orbitals given as strings.

    Returns:
        Their direct sum, by degree, even parity first. Its dimension is that of the matrices.

    Raises:
        ValueError: If orbitals are no sums of irreps, of different groups, or different ones for
            symmetric matrices.

    >>> from symjax_models import reps
    >>> reps.format_irreps(block_irreps("2x0e+1o", "1o"))
    '1x0e+1x1e+2x1o+1x2e'
    """
    return _layout(*_read_orbitals(left, right, symmetric, group), symmetric).rep


def blocks_from_irreps(
    x: RepArray, *, left: Rep | str, right: Rep | str, symmetric: bool = False
) -> Array:
    r"""Assemble matrices between orbitals from their irreducible parts.

    The block between an orbital a of degree l1 and b of degree l2 is
    `M[a, b]_ij = sum over l, k of sqrt(2 l + 1) C(l1, l2, l)_ijk x[l; a, b]_k`, with one channel
    of x for each degree l and pair of orbitals.

    Args:
        x: Features of `block_irreps(left, right, symmetric=symmetric)`, in any order of summands.
        left: Orbitals of the rows, as strings of irreps of the group of x or as representations.
        right: Orbitals of the columns.
        symmetric: Whether x has only the parts of symmetric matrices.

    Returns:
        M, `[..., rows, columns]`: orbital after orbital, copy after copy, components m = -l..l
        in the order of `RepArray.flat`. Symmetric if `symmetric`.

    Raises:
        ValueError: If x has other irreps, or as `block_irreps`.

    Equivariance:
        SO(3) and O(3), exact: `M(g x) = rho_left(g) M(x) rho_right(g)^T`.

    Numerics:
        An orthogonal change of basis: |M| = |x|, and features of unit variance give entries of
        unit variance. If symmetric, entries are mirrored, and those of the block between a copy
        of an orbital and itself have variance 1 on the diagonal and 1/2 beside it.

    Source:
        The tensor expansion of PhiSNet (Unke et al. 2021, arXiv:2106.02347) and QHNet (Yu et al.
        2023, arXiv:2306.04922), here orthonormal and without weights, which are those of the
        linear layer before.

    >>> from symjax_models import reps
    >>> x = reps.normal(jax.random.key(0), block_irreps("2x0e", "1o"), (7,))
    >>> blocks_from_irreps(x, left="2x0e", right="1o").shape
    (7, 2, 3)
    """
    group = x.rep.group
    layout = _layout(*_read_orbitals(left, right, symmetric, group), symmetric)
    if sort_irreps(x.rep) != layout.rep:
        raise ValueError(f"these blocks have the irreps {layout.rep!r}, got features of {x.rep!r}")
    matrix = jnp.zeros((*x.shape, *layout.shape), jnp.result_type(float, x.dtype))
    for pair in layout.pairs:
        block = _expand(pair, x, matrix.dtype)
        rows, columns = _span(pair.left), _span(pair.right)
        matrix = matrix.at[..., rows, columns].set(block)
        if pair.is_mirrored:
            matrix = matrix.at[..., columns, rows].set(block.swapaxes(-1, -2))
    return matrix


def irreps_from_blocks(
    matrix: ArrayLike,
    *,
    left: Rep | str,
    right: Rep | str,
    symmetric: bool = False,
    group: Group = _O3,
) -> RepArray:
    """Split matrices between orbitals into their irreducible parts.

    `x[l; a, b]_k = sum over i, j of sqrt(2 l + 1) C(l1, l2, l)_ijk M[a, b]_ij`: the inverse of
    `blocks_from_irreps`.

    Args:
        matrix: M, `[..., rows, columns]`.
        left: Orbitals of the rows, as strings of irreps or as representations.
        right: Orbitals of the columns.
        symmetric: Only take the parts of `(M + M^T) / 2`.
        group: O(3) or SO(3), the group of orbitals given as strings.

    Returns:
        x, features of `block_irreps(left, right, symmetric=symmetric, group=group)`.

    Raises:
        ValueError: If rows and columns are not those of the orbitals, or as `block_irreps`.

    Equivariance:
        SO(3) and O(3), exact.

    >>> round(irreps_from_blocks(np.eye(3), left="1o", right="1o")["0e"].item(), 4)
    1.7321
    """
    layout = _layout(*_read_orbitals(left, right, symmetric, group), symmetric)
    matrix = jnp.asarray(matrix)
    if matrix.shape[-2:] != layout.shape:
        raise ValueError(
            f"matrices between these orbitals have shape [..., {layout.shape[0]}, "
            f"{layout.shape[1]}], got {matrix.shape}"
        )
    matrix = matrix.astype(jnp.result_type(float, matrix.dtype))
    if symmetric:
        matrix = (matrix + matrix.swapaxes(-1, -2)) / 2
    channels: dict[Rep, list[Array]] = {irrep: [] for _, irrep in layout.rep.terms}
    for pair in layout.pairs:
        block = matrix[..., _span(pair.left), _span(pair.right)]
        # Pairs come in the order of their first channels.
        for coupling, part in zip(pair.couplings, _project(pair, block), strict=True):
            channels[coupling.irrep].append(part)
    return RepArray(layout.rep, [jnp.concatenate(parts, axis=-1) for parts in channels.values()])


def _expand(pair: _Pair, x: RepArray, dtype: np.dtype) -> Array:
    """Return the matrix `[..., n1 d1, n2 d2]` between all copies of two summands."""
    (_, n1, l1), (_, n2, l2) = pair.left, pair.right
    pieces = []
    for coupling in pair.couplings:
        stop = coupling.start + len(coupling.copies)
        piece = jnp.asarray(x[coupling.irrep][..., coupling.start : stop], dtype)
        if not _is_complete(pair, coupling):
            mirror = jnp.asarray(_mirror(coupling.copies, n1, (-1) ** coupling.degree), dtype)
            piece = jnp.einsum("...kc,cp->...kp", piece, mirror, precision=_HIGHEST)
        pieces.append(piece.reshape(*piece.shape[:-1], n1, n2))
    constant = jnp.asarray(_constant(l1, l2, tuple(c.degree for c in pair.couplings)), dtype)
    stacked = jnp.concatenate(pieces, axis=-3)
    block = jnp.einsum("ijk,...kab->...aibj", constant, stacked, precision=_HIGHEST)
    return block.reshape(*block.shape[:-4], n1 * (2 * l1 + 1), n2 * (2 * l2 + 1))


def _project(pair: _Pair, block: Array) -> list[Array]:
    """Return the parts `[..., 2 l + 1, channels]` of such a matrix, one per coupling."""
    (_, n1, l1), (_, n2, l2) = pair.left, pair.right
    block = block.reshape(*block.shape[:-2], n1, 2 * l1 + 1, n2, 2 * l2 + 1)
    degrees = tuple(coupling.degree for coupling in pair.couplings)
    constant = jnp.asarray(_constant(l1, l2, degrees), block.dtype)
    stacked = jnp.einsum("ijk,...aibj->...kab", constant, block, precision=_HIGHEST)
    parts, start = [], 0
    for coupling in pair.couplings:
        stop = start + 2 * coupling.degree + 1
        rows, columns = np.array(coupling.copies).T
        parts.append(stacked[..., start:stop, rows, columns])
        start = stop
    return parts


def _span(summand: tuple[int, int, int]) -> slice:
    start, copies, degree = summand
    return slice(start, start + copies * (2 * degree + 1))


def _is_complete(pair: _Pair, coupling: _Coupling) -> bool:
    return len(coupling.copies) == pair.left[1] * pair.right[1]


def _read_orbitals(
    left: Rep | str, right: Rep | str, symmetric: bool, group: Group
) -> tuple[Rep, Rep]:
    left, right = (
        parse_irreps(orbitals, group=group) if isinstance(orbitals, str) else orbitals
        for orbitals in (left, right)
    )
    if left.group != right.group:
        raise ValueError(f"expected orbitals of one group, got {left!r} and {right!r}")
    if not left.terms or not right.terms:
        raise ValueError(f"expected orbitals such as 2x0e+1o, got {left!r} and {right!r}")
    if symmetric and left != right:
        raise ValueError(
            f"symmetric matrices have rows and columns of the same orbitals, got {left!r} and "
            f"{right!r}"
        )
    return left, right


@functools.lru_cache(maxsize=256)
def _layout(left: Rep, right: Rep, symmetric: bool) -> _Layout:
    group = left.group
    channels: collections.Counter[Rep] = collections.Counter()
    pairs = []
    for a, (start1, n1, l1, p1) in enumerate(_summands(left)):
        for b, (start2, n2, l2, p2) in enumerate(_summands(right)):
            if symmetric and b < a:
                continue
            couplings = []
            for degree in coupling_degrees(l1, l2):
                copies = tuple(np.ndindex(n1, n2))
                if symmetric and a == b:
                    # The coupling of equal degrees is symmetric where l is even, else alternating.
                    copies = tuple((i, j) for i, j in copies if i < j + (degree % 2 == 0))
                parity = p1 * p2 if isinstance(group, groups.O) else None
                irrep = rotation_irrep(group, degree, parity=parity)
                if copies:
                    couplings.append(_Coupling(degree, irrep, channels[irrep], copies))
                    channels[irrep] += len(copies)
            ends = (start1, n1, l1), (start2, n2, l2)
            pairs.append(_Pair(*ends, symmetric and a < b, tuple(couplings)))
    total = direct_sum([(count, irrep) for irrep, count in channels.items()], group=group)
    return _Layout(sort_irreps(total), (left.dim, right.dim), tuple(pairs))


def _summands(rep: Rep) -> list[tuple[int, int, int, int]]:
    """Return first component, copies, degree and parity of every summand."""
    found, start = [], 0
    for copies, term in rep.terms:
        found.append((start, copies, *kind_of_irrep(term)))
        start += copies * term.dim
    return found


@functools.lru_cache(maxsize=256)
def _constant(l1: int, l2: int, degrees: tuple[int, ...]) -> np.ndarray:
    """Return the couplings of two degrees, `[2 l1 + 1, 2 l2 + 1, K]`, orthonormal along K."""
    constants = [math.sqrt(2 * l + 1) * clebsch_gordan(l1, l2, l) for l in degrees]
    result = np.concatenate(constants, axis=-1)
    result.flags.writeable = False
    return result


@functools.lru_cache(maxsize=256)
def _mirror(copies: tuple[tuple[int, int], ...], count: int, sign: int) -> np.ndarray:
    """Return the map from pairs of copies i <= j to all pairs, `[pairs, count^2]`."""
    result = np.zeros((len(copies), count, count))
    for pair, (i, j) in enumerate(copies):
        result[pair, j, i] = sign
        result[pair, i, j] = 1
    result = result.reshape(len(copies), count * count)
    result.flags.writeable = False
    return result
