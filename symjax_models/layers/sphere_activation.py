"""Nonlinearities of signals on the sphere, taken point by point."""

import functools
import math
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from symjax_models import groups, reps
from symjax_models.layers.dense import Dense
from symjax_models.layers.typed import as_jax, check_typed
from symjax_models.ops.quadrature import make_quadrature
from symjax_models.ops.sphere import degree_of, from_sphere, to_sphere
from symjax_models.reps import Rep, RepArray
from symjax_models.reps.base import direct_sum
from symjax_models.reps.rotation_irreps import kind_of_irrep, rotation_irrep
from symjax_models.typing import Array


class SphereActivation(nn.Module):
    r"""Apply a function to the values of signals on the sphere.

    The copies of all degrees with one channel are the coefficients of a signal
    `f(p) = sum over l, m of x_lm Y_lm(p) / sqrt(L + 1)`, with harmonics of norm one; its values at
    the points of a quadrature go through the activation s, and the result is projected back,
    `y_lm = k sqrt(L + 1) (2 l + 1) / (4 pi) integral of s(f(p)) Y_lm(p) dp`. The constant k makes
    the second moment of `k s(z)` one for standard normal z.

    Attributes:
        activation: s, real to real.
        quadrature_degree: Degree of polynomials that the quadrature integrates exactly, at least
            2 L; 3 L by default, with which s may be a polynomial of degree two.

    Equivariance:
        SO(3) and O(3), exact where s is a polynomial of degree n and `quadrature_degree` at least
        `(n + 1) L`. Otherwise approximate, by the aliasing of what s makes of degrees above
        `quadrature_degree - L`: an error that does not get smaller with the precision. Largest
        errors of standard normal features with L = 2, relative to the root mean square, at
        quadrature degrees 6 (the default, 26 points), 12 (86) and 24 (302): SiLU 8e-2, 4e-4, 2e-8;
        tanh 2e-1, 6e-3, 2e-5; ReLU, with a kink, 5e-1, 7e-2, 1e-2. Ratios to L are what counts.
        Signals may have even parity, (-1)^l, which allows any function, or odd parity,
        -(-1)^l, which allows odd functions, and even ones: these make the signal even.

    Numerics:
        Features of unit variance give values of unit variance, and about unit variance of the
        result in every degree.

    Source:
        T. S. Cohen et al. 2018, arXiv:1801.10130, section 3; constants as in e3nn's S2Activation
        (Geiger, Smidt 2022, arXiv:2207.09453). The default quadrature is about the resolution that
        EquiformerV2 takes (Liao et al. 2023, arXiv:2306.12059): 18 for L = 6.

    >>> x = reps.normal(jax.random.key(0), reps.parse_irreps("4x0o+4x1e"), (7,))
    >>> SphereActivation(jnp.abs).apply({}, x)
    RepArray(4*1 + 4*V of O(3), batch (7,), float32)
    """

    activation: Callable[[Array], Array] = nn.silu
    quadrature_degree: int | None = None

    @nn.compact
    def __call__(self, x: RepArray) -> RepArray:
        """Apply the nonlinearity.

        Args:
            x: Features whose summands have the degrees 0, 1, ..., L, with one multiplicity.

        Returns:
            Features of the same irreps in the same order; of even parity instead of odd if the
            function is even and no odd one.

        Raises:
            ValueError: If x is no `RepArray`, its irreps are no such signals, the function would
                break the symmetry, or the quadrature is too coarse.
        """
        check_typed(x, layer="SphereActivation")
        x = as_jax(x)
        places, parity = _read_signals(x.rep, least_degree=0, layer="SphereActivation")
        if parity == -1:
            parity = _parity_of_result(self.activation, x.rep)
        coefficients = jnp.concatenate([x.blocks[place] for place in places], axis=-2)
        y = _activate(coefficients, self.activation, self.quadrature_degree)
        is_full = isinstance(x.rep.group, groups.O)
        terms: list[tuple[int, Rep]] = []
        blocks = []
        for multiplicity, term in x.rep.terms:
            l, _ = kind_of_irrep(term)
            sign = parity * (-1) ** l if is_full else None
            terms.append((multiplicity, rotation_irrep(x.rep.group, l, parity=sign)))
            blocks.append(y[..., l**2 : (l + 1) ** 2, :])
        return RepArray(direct_sum(terms, group=x.rep.group), blocks)


class SeparableSphereActivation(nn.Module):
    """Apply a function to the scalars, and to signals on the sphere for all higher degrees.

    `s -> k activation(s)` for the scalars. The higher degrees, of signals whose degree 0 is a
    learned linear map of the scalars, are those of `SphereActivation`: scalars do not suffer from
    the points of the sphere.

    Attributes:
        activation: A function, real to real.
        quadrature_degree: As in `SphereActivation`.

    Equivariance:
        SO(3) and O(3): exact for the scalars, approximate for the rest as in `SphereActivation`.

    Source:
        Y.-L. Liao et al. 2023, arXiv:2306.12059, section 4.2. There the layer before makes two
        sets of scalars, one for the activation and one for the signals; here the second comes from
        the first, as the gates of `Gate` do, so that the type of the features stays the same. The
        constant k is that of `SphereActivation`; there it is one.

    >>> x = reps.normal(jax.random.key(0), reps.parse_irreps("8x0e+4x1o"), (7,))
    >>> jax.eval_shape(SeparableSphereActivation().init_with_output, jax.random.key(0), x)[0]
    RepArray(8*1 + 4*V of O(3), batch (7,), float32)
    """

    activation: Callable[[Array], Array] = nn.silu
    quadrature_degree: int | None = None

    @nn.compact
    def __call__(self, x: RepArray) -> RepArray:
        """Apply the nonlinearity.

        Args:
            x: Features with any number of scalars, whose other summands have the degrees 1, ...,
                L and parities (-1)^l, with one multiplicity.

        Returns:
            Features of the same representation.

        Raises:
            ValueError: If x is no `RepArray`, has no scalars, its other irreps are no such
                signals, or the quadrature is too coarse.
        """
        check_typed(x, layer="SeparableSphereActivation")
        x = as_jax(x)
        scalar = reps.scalar(x.rep.group)
        scalars = [place for place, (_, term) in enumerate(x.rep.terms) if term == scalar]
        if not scalars:
            raise ValueError(
                f"SeparableSphereActivation needs scalars, got features of {x.rep!r}; "
                "SphereActivation has signals without"
            )
        blocks = list(x.blocks)
        values = blocks[scalars[0]]
        blocks[scalars[0]] = self.activation(values) * _unit_factor(self.activation)
        if len(blocks) > 1:
            places, _ = _read_signals(x.rep, least_degree=1, layer="SeparableSphereActivation")
            multiplicity = x.rep.terms[places[0]][0]
            # The linear layer before has a bias already.
            mixed = Dense(multiplicity, use_bias=False, kernel_init=nn.initializers.lecun_normal())
            parts = [mixed(values), *(blocks[place] for place in places)]
            y = _activate(jnp.concatenate(parts, axis=-2), self.activation, self.quadrature_degree)
            for l, place in enumerate(places, start=1):
                blocks[place] = y[..., l**2 : (l + 1) ** 2, :]
        return RepArray(x.rep, blocks)


def _activate(
    coefficients: Array, activation: Callable[[Array], Array], degree: int | None
) -> Array:
    """Apply a function to signals, coefficients `[..., (L+1)^2, C]` to coefficients."""
    max_degree = degree_of(coefficients)
    quadrature = make_quadrature(3 * max_degree if degree is None else degree)
    scale = math.sqrt(max_degree + 1)
    values = to_sphere(coefficients / scale, quadrature, normalization="norm")
    values = activation(values) * (scale * _unit_factor(activation))
    return from_sphere(values, quadrature, max_degree=max_degree, normalization="norm")


@functools.lru_cache(maxsize=64)
def _unit_factor(activation: Callable[[Array], Array]) -> float:
    """Return k with `E (k activation(z))^2 = 1` for standard normal z."""
    # Numbers that are exact in float32, and steps at which the trapezoidal rule is too.
    z = np.arange(-12 * 256, 12 * 256 + 1) / 256
    # A layer may be called under jit, and still has to know now.
    with jax.ensure_compile_time_eval():
        values = np.asarray(activation(jnp.asarray(z, jnp.float32)), np.float64)
    density = np.exp(-(z**2) / 2) / (256 * math.sqrt(2 * math.pi))
    return float(1 / math.sqrt(np.sum(density * values**2)))


def _read_signals(rep: Rep, *, least_degree: int, layer: str) -> tuple[list[int], int]:
    """Return the places of the summands by degree, and the parity of the signals.

    Args:
        rep: The representation.
        least_degree: 0, or 1 if scalars do not count.
        layer: Name of the layer, for the message.
    """
    is_full = isinstance(rep.group, groups.O)
    kinds = [kind_of_irrep(term) for _, term in rep.terms]
    # Degree and parity beside that of the harmonics.
    found = [(l, p * (-1) ** l if is_full else 1) for l, p in kinds]
    counted = [place for place, kind in enumerate(found) if least_degree == 0 or kind != (0, 1)]
    places = sorted(counted, key=lambda place: found[place][0])
    degrees = [found[place][0] for place in places]
    multiplicities = [rep.terms[place][0] for place in places]
    parities = {found[place][1] for place in places}
    is_complete = bool(places) and degrees == list(range(least_degree, least_degree + len(places)))
    allowed = ({1}, {-1}) if least_degree == 0 else ({1},)
    if is_complete and len(set(multiplicities)) == 1 and parities in allowed:
        return places, parities.pop()
    count = max(multiplicities, default=1)
    top = max([*degrees, 1])
    fitting = count * reps.harmonic_irreps(top, group=rep.group)
    odd = ", or all of the other parity" if is_full and least_degree == 0 else ""
    scalars = " and any number of scalars" if least_degree else ""
    raise ValueError(
        f"{layer} takes every degree from {least_degree} to the highest, with one multiplicity"
        f"{' and parity (-1)^l' if is_full else ''}{scalars}, such as "
        f"{reps.format_irreps(fitting)}{odd}; got {reps.format_irreps(rep)}, which layers.Linear "
        "maps to such features"
    )


def _parity_of_result(activation: Callable[[Array], Array], rep: Rep) -> int:
    """Return the parity of a function of signals of odd parity: 1 if it is even, -1 if odd."""
    # Over many scales, for a function may bend at any.
    z = np.geomspace(1e-3, 1e3, 61, dtype=np.float32)
    with jax.ensure_compile_time_eval():
        y, opposite = (np.asarray(activation(jnp.asarray(sign * z))) for sign in (1, -1))
    for parity in (-1, 1):
        if np.allclose(opposite, parity * y, rtol=1e-4, atol=1e-6):
            return parity
    name = getattr(activation, "__name__", repr(activation))
    raise ValueError(
        f"{name} would break the symmetry of signals of odd parity, {reps.format_irreps(rep)}: "
        "here an odd function such as jnp.tanh fits, or an even one such as jnp.abs, which makes "
        "their parity even"
    )
