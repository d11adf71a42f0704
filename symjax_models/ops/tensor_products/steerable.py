"""Linear maps of features whose matrices are linear in attributes of one copy."""

import functools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.ops.tensor_products.paths import Path
from symjax_models.reps.rotation import clebsch_gordan
from symjax_models.typing import Array

_HIGHEST = jax.lax.Precision.HIGHEST


def project(x: Array, kernels: Sequence[Array]) -> list[Array]:
    """Mix the channels of features of an irrep once for every path that leaves it.

    Done before features of nodes meet on edges, this costs N products and not E.

    Args:
        x: Features, `[..., 2 l1 + 1, C_in]`.
        kernels: One matrix `[C_in, C_out]` per path, of any C_out.

    Returns:
        `x @ kernel` for every path, `[..., 2 l1 + 1, C_out]`.
    """
    if not kernels:
        return []
    # One product of matrices for all of them.
    mixed = x @ jnp.concatenate(kernels, axis=-1)
    sizes = [kernel.shape[-1] for kernel in kernels]
    return list(jax.lax.split(mixed, sizes, axis=mixed.ndim - 1))


def couple_projected(
    paths: tuple[Path, ...], projected: Sequence[Array], factors: Sequence[Array]
) -> list[Array]:
    """Couple what `project` gives with attributes, and sum the paths into each irrep.

    `z[m3, c] = sum_p n_p sum_m1,m2 C(l1, l2, l3)[m1, m2, m3] x_p[m1, c] a[m2]`.

    Args:
        paths: The paths, P of them.
        projected: x_p, one array `[..., 2 l1 + 1, C_out]` per path.
        factors: a, one array `[..., 2 l2 + 1]` per summand.

    Returns:
        z, one array `[..., 2 l3 + 1, C_out]` per summand of the product that a path leads to.
    """
    sums: dict[int, Array] = {}
    for path, x in zip(paths, projected, strict=True):
        # Attributes may be whole numbers, or less precise than the features.
        a = jnp.asarray(factors[path.index2])
        a = a.astype(jnp.result_type(float, a, x))
        l1, l2, l3 = path.degrees
        # With a scalar among the three, C is the identity over the square root of its size.
        if 0 in (l1, l2):
            z = a[..., :, None] * x * (path.normalization / math.sqrt(2 * l3 + 1))
        elif l3 == 0:
            z = jnp.sum(a[..., :, None] * x, axis=-2, keepdims=True)
            z = z * (path.normalization / math.sqrt(2 * l1 + 1))
        else:
            constants = jnp.asarray(_constants(path), a.dtype)
            matrices = jnp.einsum("...j,jki->...ki", a, constants, precision=_HIGHEST)
            z = jnp.einsum("...ki,...ic->...kc", matrices, x, precision=_HIGHEST)
        sums[path.index_out] = sums[path.index_out] + z if path.index_out in sums else z
    return [sums[index] for index in sorted(sums)]


@functools.lru_cache(maxsize=1024)
def _constants(path: Path) -> np.ndarray:
    result = path.normalization * clebsch_gordan(*path.degrees).transpose(1, 2, 0)
    result.flags.writeable = False
    return result
