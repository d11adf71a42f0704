"""Products of features term by term, for the few entries of the coupling that are not zero."""

import functools
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from symjax_models.ops.tensor_products.paths import Path
from symjax_models.reps.rotation import clebsch_gordan
from symjax_models.typing import Array


def couple(
    paths: tuple[Path, ...], blocks: Sequence[Array], factors: Sequence[Array], weights: Array
) -> list[Array]:
    """Sum the paths of a product over the entries of the Clebsch-Gordan tensors that are not zero.

    Every component of z is a sum of terms: a number, a component of x, one of y and a weight. The
    lists of terms of the components of one summand are filled up to one length with zeros.

    Args:
        paths: The paths.
        blocks: x, one array `[..., 2 l1 + 1, C]` per summand.
        factors: y, one array `[..., 2 l2 + 1]` per summand.
        weights: `[..., P, C]`.

    Returns:
        z, one array `[..., 2 l3 + 1, C]` per summand of the product.
    """
    x, y = jnp.concatenate(blocks, axis=-2), jnp.concatenate(factors, axis=-1)
    widths1 = tuple(block.shape[-2] for block in blocks)
    widths2 = tuple(factor.shape[-1] for factor in factors)
    results = []
    for terms in _terms(paths, widths1, widths2):
        in_x, in_y, in_weights, values = terms
        scaled = y[..., in_y] * jnp.asarray(values, y.dtype)
        products = x[..., in_x, :] * weights[..., in_weights, :] * scaled[..., None]
        results.append(jnp.sum(products, axis=-2))
    return results


@functools.lru_cache(maxsize=64)
def _terms(
    paths: tuple[Path, ...], widths1: tuple[int, ...], widths2: tuple[int, ...]
) -> tuple[tuple[np.ndarray, ...], ...]:
    """Return places in x, in y and in the weights, and numbers: each `[2 l3 + 1, K]`."""
    starts1, starts2 = np.cumsum((0, *widths1)), np.cumsum((0, *widths2))
    terms: dict[int, list[list[tuple[int, int, int, float]]]] = {}
    for position, path in enumerate(paths):
        rows = terms.setdefault(path.index_out, [[] for _ in range(2 * path.degrees[2] + 1)])
        tensor = path.normalization * clebsch_gordan(*path.degrees)
        for m1, m2, m3 in np.argwhere(tensor):
            place1, place2 = starts1[path.index1] + m1, starts2[path.index2] + m2
            rows[m3].append((place1, place2, position, tensor[m1, m2, m3]))
    results = []
    for index_out in sorted(terms):
        length = max(map(len, terms[index_out]))
        full = np.array([row + [(0, 0, 0, 0.0)] * (length - len(row)) for row in terms[index_out]])
        columns = [*full[..., :3].astype(np.int32).transpose(2, 0, 1), full[..., 3]]
        for column in columns:
            column.flags.writeable = False
        results.append(tuple(columns))
    return tuple(results)
