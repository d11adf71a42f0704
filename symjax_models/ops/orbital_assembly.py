"""Matrices between the orbitals of a molecule, from blocks between pairs of its atoms."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from symjax_models.reps import Rep, parse_irreps
from symjax_models.reps.base import direct_sum
from symjax_models.typing import Array


def maximal_orbitals(orbitals: Sequence[Rep | str]) -> Rep:
    """Return the least sum of irreps that contains the orbitals of every atom.

    Args:
        orbitals: Orbitals of the atoms, sums of irreps of O(3) or their strings.

    Returns:
        The sum, with the irreps in the order in which they come first.

    >>> from symjax_models import reps
    >>> reps.format_irreps(maximal_orbitals(["2x0e+1o", "3x0e+1o+2e"]))
    '3x0e+1x1o+1x2e'
    """
    found: dict[Rep, int] = {}
    for each in map(_read, orbitals):
        for count, term in each.terms:
            found[term] = max(found.get(term, 0), count)
    if not found:
        raise ValueError("expected the orbitals of at least one atom, such as '2x0e+1x1o'")
    group = next(iter(found)).group
    return direct_sum([(count, term) for term, count in found.items()], group=group)


def orbital_mask(orbitals: Sequence[Rep | str], maximal: Rep) -> np.ndarray:
    """Tell which of the maximal orbitals every atom has: of each irrep the first copies.

    Args:
        orbitals: Orbitals of the N atoms.
        maximal: What `maximal_orbitals` returned for them.

    Returns:
        `[N, maximal.dim]`, booleans. The kept ones are in the order of the atom's own orbitals.

    Raises:
        ValueError: If an atom has its irreps in another order than the maximal orbitals, or more.

    >>> orbital_mask(["2x0e+1o", "0e"], maximal_orbitals(["2x0e+1o"])).sum(axis=1).tolist()
    [5, 1]
    """
    rows = []
    for each in map(_read, orbitals):
        given = {term: count for count, term in each.terms}
        order = [term for _, term in maximal.terms if term in given]
        if order != [term for _, term in each.terms]:
            raise ValueError(
                f"orbitals have their irreps in the order of {maximal!r}, got {each!r}"
            )
        parts = []
        for count, term in maximal.terms:
            if given.get(term, 0) > count:
                raise ValueError(f"{each!r} has more orbitals than {maximal!r}")
            parts.append(np.arange(count * term.dim) < given.get(term, 0) * term.dim)
        rows.append(np.concatenate(parts))
    return np.array(rows)


def assemble_matrix(diagonal: Array, off_diagonal: Array, *, mask: np.ndarray) -> Array:
    """Put the blocks of all pairs of atoms together, to the symmetric matrix `M + M^T`.

    Args:
        diagonal: Blocks of the atoms with themselves, `[..., N, K, K]`.
        off_diagonal: Blocks of all ordered pairs, `[..., N, N-1, K, K]`, in the dense layout of
            graphs: entry `(i, k)` has the rows of atom i and the columns of atom `(i + k + 1) mod
            N`.
        mask: Which rows and columns every atom has, `[N, K]`, see `orbital_mask`.

    Returns:
        `[..., B, B]`, atom after atom, with B the number of true entries of the mask.

    Raises:
        ValueError: If shapes do not fit.

    Equivariance:
        Orthogonal transformations of the orbitals that do not mix those which an atom has with
        those which it has not: equivariant, exact. Permutations of atoms: equivariant.

    Source: Yu et al. 2023, arXiv:2306.04922 (QHNet).

    >>> diagonal, off_diagonal = jnp.array([[[1.0]], [[2.0]]]), jnp.array([[[[5.0]]], [[[7.0]]]])
    >>> assemble_matrix(diagonal, off_diagonal, mask=np.ones((2, 1), bool)).tolist()
    [[2.0, 12.0], [12.0, 4.0]]
    """
    num_atoms, size = mask.shape
    shapes = (num_atoms, size, size), (num_atoms, num_atoms - 1, size, size)
    if diagonal.shape[-3:] != shapes[0] or off_diagonal.shape[-4:] != shapes[1]:
        raise ValueError(
            f"expected blocks [..., {str(shapes[0])[1:-1]}] and [..., {str(shapes[1])[1:-1]}], got "
            f"{diagonal.shape} and {off_diagonal.shape}"
        )
    every = jnp.concatenate([diagonal[..., None, :, :], off_diagonal], axis=-3)
    rows = np.arange(num_atoms)[:, None]
    every = every[..., rows, (np.arange(num_atoms) - rows) % num_atoms, :, :]
    matrix = every.swapaxes(-2, -3)
    matrix = matrix.reshape(*matrix.shape[:-4], num_atoms * size, num_atoms * size)
    kept = np.flatnonzero(mask)
    matrix = matrix[..., kept[:, None], kept]
    return matrix + matrix.swapaxes(-1, -2)


def _read(orbitals: Rep | str) -> Rep:
    return parse_irreps(orbitals) if isinstance(orbitals, str) else orbitals
