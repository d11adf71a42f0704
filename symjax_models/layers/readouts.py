"""Readouts of typed features as plain arrays: Cartesian tensors, functions, matrix blocks.

Scalars and vectors need none: `layers.Linear("0e")` and `layers.Linear("1o")` give them.
"""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp

from symjax_models import reps
from symjax_models.layers.linear import Linear
from symjax_models.layers.typed import check_typed
from symjax_models.ops.harmonics import spherical_harmonics
from symjax_models.ops.matrix_blocks import block_irreps, blocks_from_irreps
from symjax_models.reps import Rep, RepArray
from symjax_models.typing import Array

_HIGHEST = jax.lax.Precision.HIGHEST


class TensorReadout(nn.Module):
    """Map features to Cartesian tensors with given index symmetries.

    `T_ij.. = sum over a of Q[a, i, j, ..] z_a`, where z are the irreps that such tensors consist
    of, a linear map of the features, and Q is their orthonormal basis (`reps.reduce_tensor`).

    Attributes:
        symmetry: What the components equal when indices change places: `"ij=ji"` for stress or
            polarizability, `"ijkl=jikl=klij"` for elasticity, `"ij"` for no symmetry.
        multiplicity: Number of tensors, C.

    Equivariance:
        SO(3) and O(3), exact: `T_ij.. -> g_ii' g_jj' .. T_i'j'..`.

    Numerics:
        z has initially unit variance. The variances of the components of T have the sum `dim z`:
        1 each without symmetries; for `"ij=ji"` 1 on the diagonal, 1/2 beside it.

    Source:
        The Cartesian tensors of e3nn (Geiger, Smidt 2022, arXiv:2207.09453, section 4).

    >>> x = reps.normal(jax.random.key(0), reps.parse_irreps("4x2e"), (7,))
    >>> T, _ = TensorReadout("ij=ji").init_with_output(jax.random.key(0), x)
    >>> T.shape, bool(jnp.allclose(T, T.swapaxes(-3, -2)))
    ((7, 3, 3, 1), True)
    """

    symmetry: str
    multiplicity: int = 1

    @nn.compact
    def __call__(self, x: RepArray) -> Array:
        """Map features to tensors.

        Args:
            x: Features of SO(3) or O(3).

        Returns:
            T, `[..., 3, 3, ..., C]`: one axis per index, then the copies.

        Raises:
            ValueError: If x is no `RepArray` of these groups, or the symmetry cannot be read.
        """
        check_typed(x, layer="TensorReadout")
        rep, basis = reps.reduce_tensor(self.symmetry, reps.vector(x.rep.group))
        z = Linear(self.multiplicity * rep, name="linear")(x)
        shape = basis.shape[1:]
        total = jnp.zeros((*x.shape, math.prod(shape), self.multiplicity), z.dtype)
        start = 0
        for (count, term), block in zip(rep.terms, z.blocks, strict=True):
            stop = start + count * term.dim
            rows = basis[start:stop].reshape(count, term.dim, -1)
            copies = block.reshape(*block.shape[:-1], count, self.multiplicity)
            constant = jnp.asarray(rows, z.dtype)
            total += jnp.einsum("kdt,...dkc->...tc", constant, copies, precision=_HIGHEST)
            start = stop
        return total.reshape(*x.shape, *shape, self.multiplicity)


class SphericalFunctionReadout(nn.Module):
    """Map features to functions on the sphere, and evaluate them in given directions.

    `f(n) = sum over l, m of z_lm Y_lm(n) / sqrt(L + 1)`, with harmonics Y of norm one and
    coefficients z that are a linear map of the features.

    Attributes:
        max_degree: L.
        multiplicity: Number of functions, C.

    Equivariance:
        SO(3) and O(3), exact: `f(g x, g n) = f(x, n)`.

    Numerics:
        Initial values have unit variance in every direction where the features reach all degrees,
        and every degree has the same share. The length of n has no influence; at the zero vector
        degree 0 is left, and derivatives are zero.

    >>> x = reps.normal(jax.random.key(0), reps.parse_irreps("4x1o"), (7,))
    >>> layer = SphericalFunctionReadout(max_degree=1)
    >>> jax.eval_shape(layer.init_with_output, jax.random.key(0), x, jnp.eye(3))[0].shape
    (7, 3, 1)
    """

    max_degree: int
    multiplicity: int = 1

    @nn.compact
    def __call__(self, x: RepArray, directions: Array) -> Array:
        """Evaluate the functions.

        Args:
            x: Features of SO(3) or O(3), batch axes `[...]`.
            directions: n, `[..., Q, 3]` with these batch axes, or `[Q, 3]` for all.

        Returns:
            f(n), `[..., Q, C]`.

        Raises:
            ValueError: If x is no `RepArray` of these groups, or the directions have another
                shape.
        """
        check_typed(x, layer="SphericalFunctionReadout")
        directions = jnp.asarray(directions)
        if directions.shape[-1:] != (3,) or directions.shape[:-2] not in ((), x.shape):
            raise ValueError(
                f"expected directions [Q, 3] or [*{x.shape}, Q, 3], got {directions.shape}"
            )
        rep = self.multiplicity * reps.harmonic_irreps(self.max_degree, group=x.rep.group)
        z = jnp.concatenate(Linear(rep, name="linear")(x).blocks, axis=-2)
        harmonics = spherical_harmonics(
            directions, max_degree=self.max_degree, normalization="norm"
        ).astype(z.dtype)
        values = jnp.einsum("...ql,...lc->...qc", harmonics, z, precision=_HIGHEST)
        return values / math.sqrt(self.max_degree + 1)


class MatrixBlockReadout(nn.Module):
    """Map features to matrices between orbitals, such as blocks of a Hamiltonian.

    A linear map to the irreps that such matrices consist of, assembled by
    `ops.matrix_blocks.blocks_from_irreps`.

    Attributes:
        orbitals_left: Orbitals of the rows: a sum of irreps, or its string such as `"3x0e+2x1o"`.
        orbitals_right: Orbitals of the columns.
        symmetric: Whether the matrices are symmetric, as those of one atom with itself; the
            orbitals are then the same.

    Equivariance:
        SO(3) and O(3), exact: `M -> rho_left(g) M rho_right(g)^T`.

    Numerics:
        Initial entries have zero mean and, where the features reach all irreps, unit variance;
        see `blocks_from_irreps` for symmetric matrices.

    Source:
        The expansion of QHNet (Yu et al. 2023, arXiv:2306.04922), whose weights depend on pairs of
        atoms by a network; here they are parameters.

    >>> x = reps.normal(jax.random.key(0), reps.parse_irreps("4x1o"), (7,))
    >>> layer = MatrixBlockReadout("2x0e", "1o")
    >>> jax.eval_shape(layer.init_with_output, jax.random.key(0), x)[0].shape
    (7, 2, 3)
    """

    orbitals_left: Rep | str
    orbitals_right: Rep | str
    symmetric: bool = False

    @nn.compact
    def __call__(self, x: RepArray) -> Array:
        """Map features to matrices.

        Args:
            x: Features of SO(3) or O(3).

        Returns:
            M, `[..., rows, columns]`, in the order of `blocks_from_irreps`.

        Raises:
            ValueError: If x is no `RepArray`, or the orbitals cannot be read, are of another
                group, or different ones for symmetric matrices.
        """
        check_typed(x, layer="MatrixBlockReadout")
        left, right = self.orbitals_left, self.orbitals_right
        rep = block_irreps(left, right, symmetric=self.symmetric, group=x.rep.group)
        z = Linear(rep, name="linear")(x)
        return blocks_from_irreps(z, left=left, right=right, symmetric=self.symmetric)
