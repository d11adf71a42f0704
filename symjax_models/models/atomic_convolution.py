"""The convolution over the atoms within a cutoff that interatomic potentials are made of."""

import functools
import math

from symjax_models.layers import Convolution
from symjax_models.ops import cutoffs, radial
from symjax_models.reps import Rep
from symjax_models.typing import Array


def atomic_convolution(
    rep_out: Rep,
    *,
    max_degree: int,
    cutoff: float,
    num_neighbours: float,
    num_radial: int,
    radial_hidden: tuple[int, ...],
    name: str,
) -> Convolution:
    """Build a convolution that fades out at a cutoff.

    Its weights are `u(r) MLP(b_1(r), ..., b_K(r))`, with the Bessel functions b of
    `scaled_bessel` and the polynomial u of order 6, which is flat twice at the cutoff. So
    energies have continuous first and second derivatives as atoms come and go.

    Args:
        rep_out: Representation of the output.
        max_degree: Highest degree of the harmonics.
        cutoff: Angstrom.
        num_neighbours: Average number of neighbours.
        num_radial: K.
        radial_hidden: Widths of the hidden layers of the MLP.
        name: Of the layer.

    Returns:
        The layer.

    Source:
        Batzner et al. 2022, arXiv:2101.03164, equation 8 and the text below. Deviations: there u
        multiplies b, and the MLP has no biases; here it multiplies the result. Paths into one irrep
        are summed with their weights, and mixed by one matrix instead of one for each path.
    """
    return Convolution(
        rep_out,
        max_degree=max_degree,
        num_neighbours=num_neighbours,
        radial=functools.partial(scaled_bessel, num_functions=num_radial, cutoff=cutoff),
        cutoff=functools.partial(cutoffs.polynomial_cutoff, cutoff=cutoff),
        hidden=tuple(radial_hidden),
        name=name,
    )


def scaled_bessel(distances: Array, *, num_functions: int, cutoff: float) -> Array:
    """Evaluate `2 sin(n pi r / c) / (c r)` for n = 1..K, sqrt(2 / c) times `radial.bessel`.

    The scale is part of the model: the larger it is, the faster the weights can vary with the
    distance, and the worse a potential trained on few configurations does on others.

    Args:
        distances: r, `[...]`, angstrom.
        num_functions: K.
        cutoff: c, angstrom.

    Returns:
        `[..., K]`, 1/angstrom.

    Source: the code of Batzner et al. 2022, arXiv:2101.03164.

    >>> import jax.numpy as jnp
    >>> round(float(scaled_bessel(jnp.array(2.0), num_functions=1, cutoff=4.0)[0]), 4)
    0.25
    """
    return math.sqrt(2 / cutoff) * radial.bessel(
        distances, num_functions=num_functions, cutoff=cutoff
    )
