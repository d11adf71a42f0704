"""Gated nonlinearities: invariant features switch the others on and off."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from symjax_models import reps
from symjax_models.layers.dense import Dense
from symjax_models.layers.typed import check_typed
from symjax_models.reps import Rep, RepArray
from symjax_models.typing import Array


class Gate(nn.Module):
    """Apply an activation to the scalars and multiply every other channel by a learned gate.

    `s -> activation(s)`, `x[:, c] -> x[:, c] gate(w_c . s + b_c)`: the gates are an affine function
    of the scalars before their activation.

    Attributes:
        activation: Applied to the scalars.
        gate: Applied to the gates.

    Equivariance:
        Any group, exact: scalars are invariant, and a gate multiplies all components of a copy.

    Source:
        M. Weiler et al. 2018, arXiv:1807.02547, section 4.2. There the gates are channels of the
        layer before; here they are computed from the scalars, so that the type of the features
        stays the same.
    """

    activation: Callable[[Array], Array] = nn.silu
    gate: Callable[[Array], Array] = nn.sigmoid

    @nn.compact
    def __call__(self, x: RepArray) -> RepArray:
        """Apply the nonlinearity.

        Args:
            x: Features, scalars among them.

        Returns:
            Features of the same representation.

        Raises:
            ValueError: If x is no `RepArray` or has no scalars.
        """
        check_typed(x, layer="Gate")
        scalar = reps.scalar(x.rep.group)
        others = sum(m for m, term in x.rep.terms if term != scalar)
        if all(term != scalar for _, term in x.rep.terms):
            raise ValueError(
                f"Gate needs scalars to make gates from, got features of {x.rep!r}; add some "
                f"(+ 8 * reps.scalar(group)) or take NormActivation"
            )
        scalars = jnp.real(x[scalar][..., 0, :])
        gates = self.gate(Dense(others)(scalars)) if others else jnp.zeros((*x.shape, 0))
        blocks, start = [], 0
        for (multiplicity, term), block in zip(x.rep.terms, x.blocks, strict=True):
            if term == scalar:
                blocks.append(_activate(self.activation, block))
            else:
                blocks.append(block * gates[..., None, start : start + multiplicity])
                start += multiplicity
        return RepArray(x.rep, blocks)


def with_gates(rep: Rep) -> Rep:
    """Return the representation that `gate_by_channels` takes to give features of `rep`.

    Args:
        rep: The representation, irreducible summands.

    Returns:
        `rep` and one more scalar for every copy of the other summands.
    """
    scalar = reps.scalar(rep.group)
    others = sum(count for count, term in rep.terms if term != scalar)
    return rep + others * scalar if others else rep


def gate_by_channels(x: RepArray, rep: Rep) -> RepArray:
    """Apply SiLU to scalars and multiply every other channel by the sigmoid of one more scalar.

    Of complex scalars SiLU takes both parts, and gates the real part, as in `Gate`.

    Args:
        x: Features of `with_gates(rep)`: the last scalars are the gates.
        rep: Representation of the result.

    Returns:
        Features of `rep`.

    Raises:
        ValueError: If x is no `RepArray`, or has another representation.

    Equivariance:
        Any group, exact.

    Source:
        M. Weiler et al. 2018, arXiv:1807.02547, section 4.2.
    """
    check_typed(x, layer="gate_by_channels")
    if x.rep != with_gates(rep):
        raise ValueError(f"expected features of {with_gates(rep)!r}, got {x.rep!r}")
    scalar = reps.scalar(rep.group)
    own = sum(count for count, term in rep.terms if term == scalar)
    gates = jax.nn.sigmoid(jnp.real(x[scalar][..., own:])) if x.rep != rep else None
    blocks, start = [], 0
    for count, term in rep.terms:
        block = x[term]
        if term == scalar:
            blocks.append(_activate(jax.nn.silu, block[..., :own]))
        else:
            assert gates is not None
            blocks.append(block * gates[..., start : start + count])
            start += count
    return RepArray(rep, blocks)


def _activate(activation: Callable[[Array], Array], x: Array) -> Array:
    # An activation of complex numbers acts on both parts.
    if jnp.iscomplexobj(x):
        return jax.lax.complex(activation(x.real), activation(x.imag))
    return activation(x)
