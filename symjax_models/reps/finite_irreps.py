"""Irreducible representations of finite groups."""

import dataclasses
import functools
import math
from typing import Any, Literal, NamedTuple

import numpy as np

from symjax_models.groups.base import Group
from symjax_models.reps import base, finite, matrices
from symjax_models.reps.irreducible_parts import irreducible_parts, norm_of

# Larger groups are refused: their irreps are better built with more knowledge of the group.
MAX_ORDER = 1000


@dataclasses.dataclass(frozen=True, repr=False)
class Irrep(finite.Tabulated):
    """State an irreducible representation of a finite group; made by `irreps`.

    It is written as `d#k`: the k-th of dimension d.

    Args:
        group: The group.
        index: Its place in `irreps(group)`, from 1: the trivial one is `Scalar`.
    """

    group: Group
    index: int

    @property
    def dim(self) -> int:
        """The dimension d, over the real numbers unless the group is complex."""
        return self.table.shape[-1]

    @property
    def is_orthogonal(self) -> bool:
        """True, also where the matrices of the group are not."""
        return True

    @property
    def table(self) -> np.ndarray:
        """The matrices of `group.elements`, `[order, d, d]`, read-only."""
        return _tables(self.group)[self.index]

    @property
    def characters(self) -> np.ndarray:
        """The traces of the matrices, `[order]`."""
        return np.trace(self.table, axis1=-2, axis2=-1)

    @property
    def endomorphisms(self) -> np.ndarray:
        """What commutes with the group, as an orthonormal basis `[1, 2 or 4, d, d]`, read-only.

        The identity over `sqrt(d)` is the first. The others are antisymmetric: over `sqrt(d)` too,
        they are the imaginary units of the complex numbers or the quaternions.
        """
        return _endomorphisms(self)

    @property
    def field(self) -> Literal["R", "C", "H"]:
        """The numbers that the endomorphisms are: real, complex or quaternions."""
        if self.group.is_complex:
            return "C"
        return {1: "R", 2: "C", 4: "H"}[norm_of(self.characters)]  # pyright: ignore

    def matrices(self, index: Any, dtype: Any) -> Any:
        """Look up the matrices of elements, `[..., d, d]`."""
        return matrices.namespace(index).asarray(self.table, dtype)[index]

    def __str__(self) -> str:
        before = _tables(self.group)[: self.index]
        return f"{self.dim}#{1 + sum(table.shape[-1] == self.dim for table in before)}"


def irreps(group: Group) -> tuple[base.Rep, ...]:
    """Return the irreducible representations of a finite group, one of each kind.

    They are found in products of the irreducible parts of V, which contain all of them as V is
    faithful. The matrices are orthogonal (unitary if the group is complex, and then irreducible
    over the complex numbers). V itself is used where it is irreducible and orthogonal.

    Args:
        group: The group, of at most `MAX_ORDER` elements.

    Returns:
        The representations, by dimension and then by decreasing characters of `group.elements`:
        the trivial one, `scalar(group)`, first. Over the numbers of its endomorphisms, of dimension
        e, the sum of `d^2 / e` is the order of the group.

    Raises:
        ValueError: If the group is infinite or too large.

    Numerics: float64, no random numbers; every choice of a basis depends on subspaces alone and
        not on rounding, so that parameters keep their meaning on another machine.

    Source: W. Burnside, "Theory of groups of finite order", 1911, chapter 15, theorem 4 (powers of
        a faithful representation); J.-P. Serre, "Linear representations of finite groups", 1977,
        section 13.2 (real, complex and quaternionic type).

    >>> from symjax_models import groups
    >>> irreps(groups.S(4)), irreps(groups.C(3))[1].field
    ((1 of S(4), 1#2 of S(4), 2#1 of S(4), 3#1 of S(4), 3#2 of S(4)), 'C')
    """
    others = (Irrep(group, index) for index in range(1, len(_tables(group))))
    return base.Scalar(group), *others


@functools.lru_cache(maxsize=64)
def _tables(group: Group) -> tuple[np.ndarray, ...]:
    """Return the matrices of all irreps, in their final order, read-only."""
    if group.order > MAX_ORDER:
        raise ValueError(
            f"irreps are found for finite groups of at most {MAX_ORDER} elements, got {group!r} of "
            f"order {group.order}"
        )
    elements = _unitary(group)
    found = [_Part.of(np.ones((len(elements), 1, 1), elements.dtype))]
    # These are the parts of V; products with them reach everything.
    _collect(group, elements, found)
    factors = found[1:]
    for part in found:
        for factor in factors:
            if sum(known.share for known in found) == len(elements):
                break
            _collect(group, matrices.kron(part.table, factor.table), found)
    found.sort(key=lambda part: part.rank)
    for part in found:
        part.table.setflags(write=False)
    return tuple(part.table for part in found)


class _Part(NamedTuple):
    """An irreducible representation: its matrices, their traces and the mean of their squares."""

    table: np.ndarray
    characters: np.ndarray
    norm: int

    @classmethod
    def of(cls, table: np.ndarray) -> "_Part":
        characters = np.trace(table, axis1=-2, axis2=-1)
        return cls(table, characters, norm_of(characters))

    @property
    def share(self) -> int:
        """What it contributes to the order of the group, d^2 / e."""
        return self.table.shape[-1] ** 2 // self.norm

    @property
    def rank(self) -> tuple[int, list[float]]:
        """What irreps are sorted by."""
        values = np.stack([np.real(self.characters), np.imag(self.characters)], axis=-1).ravel()
        # Adding zero makes -0.0 and 0.0 one value.
        return self.table.shape[-1], (-np.round(values, 6) + 0.0).tolist()


def _unitary(group: Group) -> np.ndarray:
    """Return the elements in a basis in which they are orthogonal (unitary)."""
    elements = group.elements
    if group.is_orthogonal:
        return elements
    # g leaves the mean M of all g^H g alone, so with M = L L^H the matrix L^H g L^-H is unitary.
    mean = np.einsum("gki,gkj->ij", elements.conj(), elements) / len(elements)
    factor = np.linalg.cholesky(mean).conj().T
    return factor @ elements @ np.linalg.inv(factor)


def _collect(group: Group, matrices: np.ndarray, found: list[_Part]) -> None:
    """Add the irreducible parts of a unitary representation that are not in the list yet."""
    rest = np.trace(matrices, axis1=-2, axis2=-1)
    for known in found:
        overlap = (known.characters.conj() * rest).mean() / known.norm
        rest = rest - overlap * known.characters
    if np.abs(rest).max() < 1e-6:
        return
    for part in map(_Part.of, irreducible_parts(group, matrices)):
        if all(np.abs(part.characters - known.characters).max() > 1e-6 for known in found):
            found.append(part)


@functools.lru_cache(maxsize=256)
def _endomorphisms(irrep: Irrep) -> np.ndarray:
    table, d = irrep.table, irrep.dim
    wanted = 1 if irrep.group.is_complex else norm_of(irrep.characters)
    found = [np.eye(d, dtype=table.dtype) / math.sqrt(d)]
    for i in range(d):
        for j in range(i):
            if len(found) == wanted:
                break
            # The mean of g X g^T, for X with 1 at (i, j) and -1 at (j, i), commutes with all g.
            mean = np.einsum("ga,gb->ab", table[:, :, i], table[:, :, j]) / len(table)
            mean = mean - mean.T
            for known in found:
                mean = mean - (known * mean).sum() * known
            # Some mean has at least this norm, as those of all X span the space.
            if np.linalg.norm(mean) > 0.37 / d:
                found.append(mean / np.linalg.norm(mean))
    result = np.stack(found)
    result.setflags(write=False)
    return result
