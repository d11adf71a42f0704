"""Products of features by matrices: per entry of the batch, one for each path."""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.ops.tensor_products.paths import Path, by_pair
from symjax_models.reps.rotation import clebsch_gordan
from symjax_models.typing import Array

_HIGHEST = jax.lax.Precision.HIGHEST


def couple(
    paths: tuple[Path, ...], blocks: Sequence[Array], factors: Sequence[Array], weights: Array
) -> list[Array]:
    """Sum the paths of a product, all paths between two summands at once.

    First y and the Clebsch-Gordan tensors make a matrix M for each path, which all channels share.
    Then `z[m3, c] = sum_p w[p, c] sum_m1 M[p, m1, m3] x[m1, c]`, a multiplication of matrices over
    m1 and a weighted sum over the paths p between the two summands.

    Args:
        paths: The paths.
        blocks: x, one array `[..., 2 l1 + 1, C]` per summand.
        factors: y, one array `[..., 2 l2 + 1]` per summand.
        weights: `[..., P, C]`.

    Returns:
        z, one array `[..., 2 l3 + 1, C]` per summand of the product.
    """
    groups = by_pair(paths)
    # The paths between two summands are neighbours; a split keeps the derivative one array.
    sizes = [len(positions) for positions in groups.values()]
    pieces = jax.lax.split(weights, sizes, axis=weights.ndim - 2)
    sums: dict[int, Array] = {}
    for ((index1, index_out), positions), weight in zip(groups.items(), pieces, strict=True):
        pair_paths = tuple(paths[position] for position in positions)
        y = jnp.concatenate([factors[path.index2] for path in pair_paths], axis=-1)
        matrices = jnp.einsum(
            "...j,jpki->...pki", y, jnp.asarray(_constants(pair_paths), y.dtype), precision=_HIGHEST
        )
        products = jnp.einsum("...pki,...ic->...pkc", matrices, blocks[index1], precision=_HIGHEST)
        total = jnp.sum(products * weight[..., :, None, :], axis=-3)
        sums[index_out] = sums[index_out] + total if index_out in sums else total
    return [sums[index_out] for index_out in sorted(sums)]


@functools.lru_cache(maxsize=1024)
def _constants(paths: tuple[Path, ...]) -> np.ndarray:
    """Return the tensors of the paths between two summands, `[sum of 2 l2 + 1, P, m3, m1]`."""
    l1, _, l3 = paths[0].degrees
    sizes = [2 * path.degrees[1] + 1 for path in paths]
    result = np.zeros((sum(sizes), len(paths), 2 * l3 + 1, 2 * l1 + 1))
    start = 0
    for position, (path, size) in enumerate(zip(paths, sizes, strict=True)):
        tensor = path.normalization * clebsch_gordan(*path.degrees)
        result[start : start + size, position] = tensor.transpose(1, 2, 0)
        start += size
    result.flags.writeable = False
    return result
