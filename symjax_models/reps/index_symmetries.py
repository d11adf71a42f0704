"""Tensors whose components do not change when indices are exchanged, as sums of irreps."""

import functools
import re
from collections.abc import Mapping

import numpy as np

from symjax_models.reps import base, checks
from symjax_models.reps.bases import equivariant_basis
from symjax_models.reps.decomposition import decompose
from symjax_models.reps.irreducible_parts import canonical_basis
from symjax_models.reps.rotation_irreps import is_spatial

# Positions that the axes of a tensor are moved to, with a sign.
Exchange = tuple[tuple[int, ...], int]


def reduce_tensor(
    formula: str, reps: base.Rep | Mapping[str, base.Rep]
) -> tuple[base.Rep, np.ndarray]:
    """Split the tensors with given index symmetries into irreps of SO(3) or O(3).

    Args:
        formula: What the components equal when indices change places, such as `"ij=-ji"`, or
            `"ijkl=jikl=klij"` for elasticity. A single term, `"ij"`, has no symmetries.
        reps: What each index transforms by, no sums: one representation for all, or one per letter.

    Returns:
        The direct sum of irreps, and the change of basis Q `[D, d_1, ..., d_k]`, read-only: the
        tensor T has the components `sum Q[a, i, j, ...] T[i, j, ...]`, in the order of
        `RepArray.flat`. Q is orthonormal, and Q^T a basis of the tensors with the symmetries.

    Raises:
        ValueError: If the formula cannot be read, exchanges indices of different representations,
            or a representation is a sum, or of another group.

    Source: e3nn's reduced tensor products (Geiger, Smidt 2022, arXiv:2207.09453, section 4);
        here by symmetrizing the couplings of all indices.

    >>> from symjax_models import groups
    >>> from symjax_models.reps import defining
    >>> reduce_tensor("ijkl=jikl=klij", defining.vector(groups.O(3)))[0]
    2*1 + 2*2e + 4e of O(3)
    """
    indices, exchanges = _parse(formula)
    every = dict.fromkeys(indices, reps) if isinstance(reps, base.Rep) else dict(reps)
    if set(every) != set(indices):
        raise ValueError(
            f"expected a representation for each of the indices {', '.join(indices)}, got them for "
            f"{', '.join(map(str, every))}"
        )
    parts = tuple(every[index] for index in indices)
    for part in parts:
        checks.check_same_group(part, parts[0])
        if len(part.terms) != 1 or part.terms[0][0] != 1 or not is_spatial(part.group):
            raise ValueError(
                f"expected representations of SO(3) or O(3) that are no sums, got {part!r}"
            )
    for order, _ in exchanges:
        if any(parts[i] != parts[j] for i, j in enumerate(order)):
            raise ValueError(f"{formula!r} exchanges indices of different representations")
    return _reduce(parts, _closure(exchanges, len(parts)))


@functools.lru_cache(maxsize=64)
def _reduce(
    parts: tuple[base.Rep, ...], exchanges: tuple[Exchange, ...]
) -> tuple[base.Rep, np.ndarray]:
    tensor = functools.reduce(lambda a, b: a * b, parts)
    shape = tuple(part.dim for part in parts)
    terms, rows = [], []
    for irrep in decompose(tensor):
        maps = equivariant_basis(tensor, irrep).dense()
        axes = maps.reshape(len(maps), irrep.dim, *shape)
        moved = [sign * axes.transpose(0, 1, *(2 + i for i in order)) for order, sign in exchanges]
        symmetric = np.mean(moved, axis=0)
        # The mean over exchanges commutes with the group: it acts on the copies of the irrep.
        projector = np.einsum(
            "ka,la->kl", maps.reshape(len(maps), -1), symmetric.reshape(len(maps), -1)
        )
        count = round(float(np.trace(projector)))
        if count:
            chosen = canonical_basis(projector, count).T @ maps.reshape(len(maps), -1)
            terms.append((count, irrep))
            rows.append(np.sqrt(irrep.dim) * chosen.reshape(count * irrep.dim, *shape))
    result = np.concatenate([np.zeros((0, *shape)), *rows])
    result.setflags(write=False)
    return base.direct_sum(terms, group=tensor.group), result


def _parse(formula: str) -> tuple[str, list[Exchange]]:
    first, *others = formula.replace(" ", "").split("=")
    if not re.fullmatch(r"[a-zA-Z]+", first) or len(set(first)) != len(first):
        raise ValueError(f"expected distinct letters such as ij in {formula!r}, got {first!r}")
    exchanges = []
    for term in others:
        letters = term.removeprefix("-")
        if sorted(letters) != sorted(first):
            raise ValueError(
                f"expected the letters {first} in another order in {formula!r}, got {term!r}"
            )
        order = tuple(letters.index(letter) for letter in first)
        exchanges.append((order, -1 if term.startswith("-") else 1))
    return first, exchanges


def _closure(exchanges: list[Exchange], size: int) -> tuple[Exchange, ...]:
    """Return all exchanges that follow from some, the identity first."""
    found = {(tuple(range(size)), 1): None}
    queue = list(found)
    for order, sign in queue:
        for other, factor in exchanges:
            product = (tuple(order[i] for i in other), sign * factor)
            if product not in found:
                found[product] = None
                queue.append(product)
    return tuple(found)
