"""Nonlinearities by norms and by components, and which of them a representation allows."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from symjax_models import reps
from symjax_models.layers.typed import check_typed
from symjax_models.ops import safe
from symjax_models.reps import Rep, RepArray
from symjax_models.typing import Array


class NormActivation(nn.Module):
    """Scale every copy of a representation by a function of its invariant norm.

    `x -> x activation(|x| + b)` with a learned b per channel. Where the representation is not
    orthogonal, |x| is replaced by the invariant quadratic forms q_k there are: `x -> x
    activation(sum_k w_k q_k(x) + b)`. Scalars have the norm |s|.

    Attributes:
        activation: Applied to the norms; gives the factor.

    Equivariance:
        Any group, exact; representations that are not orthogonal need an invariant form.

    Numerics:
        Zero at zero and continuous there, with finite derivatives: features that a symmetry makes
        zero up to rounding stay so.

    Source:
        D. E. Worrall et al. 2017, arXiv:1612.04642, section 4.3 (norms and bias). There the factor
        is `activation(|x| + b) / |x|`, which jumps at zero unless `activation(b) = 0`.
    """

    activation: Callable[[Array], Array] = nn.sigmoid

    @nn.compact
    def __call__(self, x: RepArray) -> RepArray:
        """Apply the nonlinearity.

        Args:
            x: Features.

        Returns:
            Features of the same representation.

        Raises:
            ValueError: If x is no `RepArray`, or a summand has neither norm nor quadratic form.
        """
        check_typed(x, layer="NormActivation")
        blocks = []
        for i, ((multiplicity, term), block) in enumerate(zip(x.rep.terms, x.blocks, strict=True)):
            parts = as_real(block)
            zeros = nn.initializers.zeros_init()
            bias = self.param(f"bias_{i}", zeros, (multiplicity,), parts.dtype)
            if term.is_orthogonal:
                sizes = safe.norm(parts, axis=-2)
            else:
                forms = invariant_forms(term)
                init = nn.initializers.normal(1 / np.sqrt(len(forms)))
                shape = (len(forms), multiplicity)
                weights = self.param(f"form_{i}", init, shape, parts.dtype)
                sizes = jnp.real(jnp.sum(quadratic_values(forms, block) * weights, axis=-2))
            blocks.append(block * self.activation(sizes + bias)[..., None, :])
        return RepArray(x.rep, blocks)


class PointwiseActivation(nn.Module):
    """Apply a function to every component, if the representation allows it.

    Attributes:
        activation: The function, real to real.

    Equivariance:
        Exact. Allowed are: any function where the group only permutes components; an odd one where
        it also changes signs; a positively homogeneous one (ReLU) where it also scales them by
        positive numbers. Everything else raises.

    Source:
        M. Pacini, X. Dong, B. Lepri, G. Santin, 2024, arXiv:2401.09235, theorem 1.
    """

    activation: Callable[[Array], Array]

    @nn.compact
    def __call__(self, x: RepArray) -> RepArray:
        """Apply the function.

        Args:
            x: Features.

        Returns:
            Features of the same representation.

        Raises:
            ValueError: If the function would break the symmetry; names what fits.
        """
        check_typed(x, layer="PointwiseActivation")
        for _, term in x.rep.terms:
            _check_pointwise(term, self.activation)
        return x.map(self.activation)


def invariant_forms(rep: Rep) -> np.ndarray:
    """Return the invariant quadratic forms of a representation.

    Args:
        rep: The representation.

    Returns:
        Symmetric matrices `[K, D, D]`, orthonormal, with `rho^T q rho = q`.

    Raises:
        ValueError: If there is none.
    """
    square = reps.symmetric_power(rep, 2)
    basis = reps.equivariant_basis(square, reps.scalar(rep.group))
    if not basis.size:
        raise ValueError(
            f"{rep!r} has no invariant norm or quadratic form; take Gate, which needs only scalars"
        )
    embedding = np.eye(1) if rep.dim == 1 else square.embedding  # pyright: ignore
    return (basis.dense()[:, 0, :] @ embedding.T).reshape(-1, rep.dim, rep.dim)


def quadratic_values(forms: np.ndarray, block: Array) -> Array:
    """Evaluate quadratic forms `[K, D, D]` on a block `[..., D, C]`: `[..., K, C]`."""
    constants = jnp.asarray(forms, block.dtype)
    return jnp.einsum("kde,...dc,...ec->...kc", constants, block, block, precision="highest")


def as_real(block: Array) -> Array:
    """Write complex components as pairs of real ones: `[..., 2 D, C]`, or the block if real.

    Sums of their squares have the right second derivatives at zero; of moduli they have not.
    """
    if not jnp.iscomplexobj(block):
        return block
    return jnp.concatenate([block.real, block.imag], axis=-2)


def _check_pointwise(rep: Rep, activation: Callable[[Array], Array]) -> None:
    legal = _legal_functions(rep)
    if legal == "any" or _has_property(activation, legal):
        return
    fits = {
        "odd": "an odd function such as jnp.tanh",
        "homogeneous": "a positively homogeneous function such as nn.relu",
        "odd and homogeneous": "a function that is odd and positively homogeneous",
        "none": "Gate or NormActivation",
    }[legal]
    name = getattr(activation, "__name__", repr(activation))
    raise ValueError(
        f"{name} on the components of {rep!r} would break the symmetry: here {fits} fits"
        f"{'' if legal == 'none' else ', as do Gate and NormActivation'}"
    )


def _legal_functions(rep: Rep) -> str:
    """Return which functions of components commute with the representation."""
    generators = rep.rho(rep.group.discrete_generators)
    algebra = rep.drho(rep.group.lie_algebra)
    off_diagonal = algebra * (1 - np.eye(rep.dim))
    entries = np.abs(generators) > 1e-9
    is_monomial = np.all(entries.sum(axis=-1) == 1)
    if rep.is_complex or not is_monomial or np.abs(off_diagonal).max(initial=0.0) > 1e-9:
        return "none"
    values = generators[entries]
    has_signs = bool(np.any(values < 0))
    has_scales = not np.allclose(np.abs(values), 1) or np.abs(algebra).max(initial=0.0) > 1e-9
    if has_scales:
        return "odd and homogeneous" if has_signs else "homogeneous"
    return "odd" if has_signs else "any"


def _has_property(activation: Callable[[Array], Array], wanted: str) -> bool:
    # Over many scales, for a function may bend at any.
    half = np.geomspace(1e-3, 1e3, 61, dtype=np.float32)
    x = np.concatenate([-half, [0.0], half], dtype=np.float32)
    # A layer may be called under jit, and still has to know now.
    with jax.ensure_compile_time_eval():
        y, opposite, scaled = (np.asarray(activation(jnp.asarray(s * x))) for s in (1, -1, 1.7))
    is_odd = np.allclose(opposite, -y, rtol=1e-4, atol=1e-6)
    is_homogeneous = np.allclose(scaled, 1.7 * y, rtol=1e-4, atol=1e-6)
    return {
        "odd": is_odd,
        "homogeneous": is_homogeneous,
        "odd and homogeneous": is_odd and is_homogeneous,
        "none": False,
    }[wanted]
