"""Bases of the equivariant linear maps between two representations."""

import functools
from typing import Any, Protocol

import numpy as np

from symjax_models import groups
from symjax_models.reps import base, checks, couplings, kronecker, matrices, orbits, schur
from symjax_models.reps.counting import dimension
from symjax_models.reps.diagrams import closed_form
from symjax_models.reps.diagrams.basis import DiagramBasis
from symjax_models.reps.solver import SolvedBasis


class Basis(Protocol):
    """What every basis of Hom_G(rep_in, rep_out) offers.

    The K basis maps are orthonormal in the Frobenius inner product, and functions of the
    representations alone: the same coefficients mean the same map in every process.
    """

    rep_in: base.Rep
    rep_out: base.Rep
    size: int
    method: str

    def apply(self, weights: Any, x: Any) -> Any:
        """Map components `[..., D_in, C_in]` to `[..., D_out, C_out]` by `[K, C_in, C_out]`."""
        ...

    def dense(self) -> np.ndarray:
        """Return the basis maps as matrices, `[K, D_out, D_in]`."""
        ...


class SumBasis:
    """Hold the basis of maps between direct sums: one block for each pair of summands.

    Args:
        rep_in: What the maps take.
        rep_out: What they return.
        blocks: Basis of each pair of summands `[terms of rep_out][terms of rep_in]`.
    """

    def __init__(
        self, rep_in: base.Rep, rep_out: base.Rep, blocks: tuple[tuple[Basis, ...], ...]
    ) -> None:
        self.rep_in, self.rep_out, self.blocks = rep_in, rep_out, blocks
        self.size = sum(
            count_out * count_in * block.size
            for (count_out, _), row in zip(rep_out.terms, blocks, strict=True)
            for (count_in, _), block in zip(rep_in.terms, row, strict=True)
        )
        self.method = f"{len(rep_out.terms)} x {len(rep_in.terms)} blocks"

    def apply(self, weights: Any, x: Any) -> Any:
        """Apply a combination of the basis maps, component axes in flat order.

        Args:
            weights: Coefficients `[K, C_in, C_out]`.
            x: Components `[..., D_in, C_in]`.

        Returns:
            Components `[..., D_out, C_out]`.
        """
        xp = matrices.namespace(x)
        start, rows = 0, []
        for (count_out, term_out), row in zip(self.rep_out.terms, self.blocks, strict=True):
            total = xp.zeros((*x.shape[:-2], count_out * term_out.dim, weights.shape[-1]), x.dtype)
            place = 0
            for (count_in, term_in), block in zip(self.rep_in.terms, row, strict=True):
                stop = start + block.size * count_in * count_out
                piece = x[..., place : place + count_in * term_in.dim, :]
                total = total + _apply_copies(
                    block, weights[start:stop], piece, count_in=count_in, count_out=count_out
                )
                start, place = stop, place + count_in * term_in.dim
            rows.append(total)
        none = xp.zeros((*x.shape[:-2], 0, weights.shape[-1]), x.dtype)
        return xp.concatenate([*rows, none], axis=-2)

    def dense(self) -> np.ndarray:
        """Return the basis maps as matrices, `[K, D_out, D_in]`."""
        return matrices.maps_of(self)


def equivariant_basis(rep_in: base.Rep, rep_out: base.Rep) -> Basis:
    """Return a basis of the linear maps f with `f rho_in(g) = rho_out(g) f` for all g.

    Closed forms are used where they are known and applied as contractions, copies and permutations
    without forming a matrix: set-partition diagrams for S, B and (with signs) A; Brauer diagrams
    for O, SO, their indefinite forms, Sp, GL, U, SL and SU; Schur's lemma for irreps;
    Clebsch-Gordan couplings for products of those of SO(3) and O(3); orbits for permutation
    representations of any group; factor by factor for direct products; block by block for sums.
    Everything else is solved for in float64 at the group's `tolerance`, and refused where
    no clear gap separates solutions from the rest.

    Every basis is checked against the exact dimension where `dimension_of_maps` knows it.

    Args:
        rep_in: What the maps take.
        rep_out: What they return, of the same group.

    Returns:
        The basis, orthonormal, cached by value.

    Raises:
        ValueError: If the groups differ, the solver finds no clear gap, or it is too large.

    >>> from symjax_models import reps
    >>> V = reps.vector(groups.O(3))
    >>> basis = equivariant_basis(V**2, V**2)
    >>> basis.size, basis.method, basis.dense().shape
    (3, '3 diagrams (Brauer)', (3, 9, 9))
    """
    checks.check_same_group(rep_in, rep_out)
    if isinstance(rep_in, base.Sum) or isinstance(rep_out, base.Sum):
        blocks = tuple(
            tuple(equivariant_basis(i, o) for _, i in rep_in.terms) for _, o in rep_out.terms
        )
        return SumBasis(rep_in, rep_out, blocks)
    return _pair_basis(rep_in, rep_out)


@functools.lru_cache(maxsize=1024)
def _pair_basis(rep_in: base.Rep, rep_out: base.Rep) -> Basis:
    basis = _make_basis(rep_in, rep_out)
    exact = dimension.known_dimension_of_maps(rep_in, rep_out)
    if exact is not None and exact != basis.size:
        raise ValueError(
            f"the maps from {rep_in!r} to {rep_out} have dimension {exact}, but a basis of "
            f"{basis.size} was found ({basis.method}); if generators are given with few digits, "
            "give more of them"
        )
    return basis


def _make_basis(rep_in: base.Rep, rep_out: base.Rep) -> Basis:
    group = rep_in.group
    if isinstance(group, groups.DirectProduct):
        parts = kronecker.split(rep_in, rep_out, group)
        if parts is not None:
            factors = [_pair_basis(a, b) for a, b in parts]
            return kronecker.KroneckerBasis(rep_in, rep_out, factors)
    found = closed_form.diagram_basis(rep_in, rep_out)
    if found is not None:
        return found
    found = schur.schur_basis(rep_in, rep_out)
    if found is not None:
        return found
    found = couplings.coupling_basis(rep_in, rep_out)
    if found is not None:
        return found
    if orbits.are_signed_permutations(rep_in, rep_out):
        return orbits.OrbitBasis(rep_in, rep_out)
    return SolvedBasis(rep_in, rep_out, tolerance=group.tolerance)


def apply_to_products(
    basis: Basis, weights: Any, x: Any, y: Any, *, reps: tuple[base.Rep, base.Rep]
) -> Any:
    """Apply basis maps to the tensor products of two features, channel by channel.

    Args:
        basis: A basis of maps from the product of the two representations.
        weights: Coefficients `[K, C, C_out]`.
        x: Components `[..., D_1, C]`.
        y: Components `[..., D_2, C]`.
        reps: The representations of x and y; no sums.

    Returns:
        Components `[..., D_out, C_out]`.
    """
    if isinstance(basis, DiagramBasis):
        return basis.apply_product(weights, x, y, reps=reps)
    outer = x[..., :, None, :] * y[..., None, :, :]
    return basis.apply(weights, outer.reshape(*outer.shape[:-3], basis.rep_in.dim, x.shape[-1]))


def _apply_copies(block: Basis, weights: Any, x: Any, *, count_in: int, count_out: int) -> Any:
    """Apply a block to copies of its representations: weights `[K count_in count_out, C, C']`."""
    channels_in, channels_out = weights.shape[1:]
    dim_in, dim_out = block.rep_in.dim, block.rep_out.dim
    copies = x.reshape(*x.shape[:-2], count_in, dim_in, channels_in)
    copies = copies.swapaxes(-3, -2).reshape(*x.shape[:-2], dim_in, count_in * channels_in)
    matrix = weights.reshape(block.size, count_in, count_out, channels_in, channels_out)
    matrix = matrix.transpose(0, 1, 3, 2, 4).reshape(
        block.size, count_in * channels_in, count_out * channels_out
    )
    y = block.apply(matrix, copies)
    y = y.reshape(*y.shape[:-1], count_out, channels_out).swapaxes(-3, -2)
    return y.reshape(*x.shape[:-2], count_out * dim_out, channels_out)
