"""Products of two features, channel by channel, with a weight per path and channel."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.ops.tensor_products import Path, TensorProductPlan
from symjax_models.reps import Rep, RepArray
from symjax_models.reps.rotation import clebsch_gordan
from symjax_models.typing import Array

_HIGHEST = jax.lax.Precision.HIGHEST


def multiply_channels(
    plan: TensorProductPlan, x: RepArray, y: RepArray, weights: Array
) -> RepArray:
    """Multiply features that have the same number of channels, each with its counterpart.

    `z[i3, m3, c] = sum_p w[p, c] n_p sum_m1,m2 C(l1, l2, l3)[m1, m2, m3] x[i1, m1, c] y[i2, m2, c]`
    over the paths p of a plan: its product, with one y for every channel.

    Args:
        plan: The product; its `rep2` has one copy of each irrep of y.
        x: Features of `plan.rep1`, batch `[...]`.
        y: C copies of the irreps of `plan.rep2`, batch `[...]`, which may broadcast.
        weights: w, `[..., P, C]`; `[P, C]` if the whole batch shares them.

    Returns:
        Features of `plan.rep_out`, floating-point numbers also of integers.

    Raises:
        ValueError: If a type or the shape of the weights does not fit.

    Equivariance: O(3) or SO(3), exact up to rounding; weights are invariant.

    Numerics: independent x, y and w of unit variance give z of unit variance. All paths from one
        irrep of x are one multiplication of matrices, whatever their number.

    Source: the product "uuu" of e3nn (Geiger, Smidt 2022, arXiv:2207.09453), its paths summed.

    >>> from symjax_models import reps
    >>> x = reps.normal(jax.random.key(0), reps.parse_irreps("8x1o"), (7,))
    >>> plan = TensorProductPlan(x.rep, reps.parse_irreps("1o"), reps.parse_irreps("8x0e+8x1e"))
    >>> z = multiply_channels(plan, x, x, jnp.ones((plan.num_paths, 8)))
    >>> z["0e"].shape, bool(jnp.abs(z["1e"]).max() < 1e-6)  # a vector times itself
    ((7, 1, 8), True)
    """
    channels = plan.num_channels
    expected = tuple((channels, term) for _, term in plan.rep2.terms)
    if x.rep != plan.rep1 or y.rep.terms != expected:
        raise ValueError(
            f"expected x of {plan.rep1!r} and y of {channels} copies of {plan.rep2!r}, got "
            f"{x.rep!r} and {y.rep!r}"
        )
    if weights.shape[-2:] != (plan.num_paths, channels):
        raise ValueError(
            f"weights have shape [..., {plan.num_paths}, {channels}], one per path and channel, "
            f"got {weights.shape}"
        )
    dtype = jnp.result_type(float, x.dtype, y.dtype, weights)
    right = jnp.concatenate(y.blocks, axis=-2).astype(dtype)
    products = []
    for index1, left in enumerate(x.blocks):
        constant = _coupling(plan, index1)
        if constant.size:
            outer = jnp.asarray(left, dtype)[..., :, None, :] * right[..., None, :, :]
            outer = outer.reshape(*outer.shape[:-3], constant.shape[1], channels)
            products.append(_contract(constant, outer))
    spread, gather = _rows_of_paths(plan)
    weighted = jnp.concatenate(products, axis=-2) * _contract(spread, jnp.asarray(weights, dtype))
    z = _contract(gather, weighted)
    return RepArray(plan.rep_out, jax.lax.split(z, _sizes(plan.rep_out), axis=z.ndim - 2))


def _contract(constant: np.ndarray, rows: Array) -> Array:
    """Multiply rows `[..., a, C]` by a constant matrix `[k, a]`."""
    matrix = jnp.asarray(constant, rows.dtype)
    return jnp.einsum("ka,...ac->...kc", matrix, rows, precision=_HIGHEST)


def _by_first(paths: tuple[Path, ...]) -> list[int]:
    """Return the positions of the paths in the order of their first factors."""
    return sorted(range(len(paths)), key=lambda position: paths[position].index1)


@functools.lru_cache(maxsize=256)
def _coupling(plan: TensorProductPlan, index1: int) -> np.ndarray:
    """Return the tensors of the paths from one summand of x, `[m3 of all paths, m1 m2 of all]`."""
    # Of all summands, for there may be such that no path uses.
    starts2 = np.cumsum([0, *_sizes(plan.rep2)])
    tensors = []
    for path in (plan.paths[position] for position in _by_first(plan.paths)):
        if path.index1 == index1:
            start = starts2[path.index2]
            tensor = path.normalization * clebsch_gordan(*path.degrees)
            full = np.zeros((tensor.shape[2], tensor.shape[0], plan.rep2.dim))
            full[:, :, start : start + tensor.shape[1]] = tensor.transpose(2, 0, 1)
            tensors.append(full.reshape(tensor.shape[2], -1))
    result = np.concatenate(tensors) if tensors else np.zeros((0, plan.rep2.dim))
    result.flags.writeable = False
    return result


@functools.lru_cache(maxsize=64)
def _rows_of_paths(plan: TensorProductPlan) -> tuple[np.ndarray, np.ndarray]:
    """Return which row of the products has which weight, and which it is added to, as 0 and 1."""
    sizes = _sizes(plan.rep_out)
    starts = np.cumsum([0, *sizes])
    rows = []
    for position in _by_first(plan.paths):
        index = plan.paths[position].index_out
        rows += [(position, starts[index] + m) for m in range(sizes[index])]
    of_path, of_output = np.array(rows).T
    spread = np.eye(plan.num_paths)[of_path]
    gather = np.eye(sum(sizes))[of_output].T
    for matrix in (spread, gather):
        matrix.flags.writeable = False
    return spread, gather


def _sizes(rep: Rep) -> list[int]:
    return [term.dim for _, term in rep.terms]
