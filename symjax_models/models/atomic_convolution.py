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
    `normalized_bessel` and the polynomial u of order 6, which is flat twice at the cutoff. So
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
        radial=functools.partial(normalized_bessel, num_functions=num_radial, cutoff=cutoff),
        cutoff=functools.partial(cutoffs.polynomial_cutoff, cutoff=cutoff),
        hidden=tuple(radial_hidden),
        name=name,
    )


def normalized_bessel(distances: Array, *, num_functions: int, cutoff: float) -> Array:
    """Evaluate Bessel functions whose mean square over n is about 1 at a fifth of the cutoff.

    b_n(r) = sqrt(2) c / (5 r) sin(n pi r / c) for n = 1..K, which is `radial.bessel` times
    c^(3/2) / 5.

    Args:
        distances: r, `[...]`, in the unit of the cutoff.
        num_functions: K.
        cutoff: c.

    Returns:
        `[..., K]`, whatever the unit of length.

    Numerics:
        A fifth of 5 angstrom is the shortest bond, so no neighbour has functions that are larger.
        With the larger ones that have mean square 1 over the ball of radius c, the initial forces
        of networks on a molecule, where several neighbours are close, are larger than the usual
        labels by two to five orders of magnitude.

    >>> import jax.numpy as jnp
    >>> jnp.mean(jnp.square(normalized_bessel(1.0, num_functions=4, cutoff=5.0))).round(2).item()
    1.25
    """
    scale = math.sqrt(cutoff) ** 3 / 5
    return scale * radial.bessel(distances, num_functions=num_functions, cutoff=cutoff)
