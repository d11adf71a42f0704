"""The exact fit of models that are linear in their parameters."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from symjax_models.typing import Array, PyTree


def fit_least_squares(
    predict: Callable[[PyTree, PyTree], Array], params: PyTree, data: PyTree, targets: Array
) -> PyTree:
    """Minimize the squared error of a model that is affine in its parameters, in one solve.

    Args:
        predict: Maps (parameters, data) to predictions shaped as `targets`.
        params: Parameters of the right structure; their values do not matter.
        data: Inputs of the model.
        targets: What to predict.

    Returns:
        The minimizing parameters; the one of least norm if there are several.

    Raises:
        ValueError: If the model is not affine in its parameters.

    Numerics:
        The design matrix has one row per number in `targets` and one column per parameter; the
        solve is in float64.
    """
    flat, unravel = ravel_pytree(params)

    def predict_flat(vector: Array) -> Array:
        return predict(unravel(vector), data)

    offset = predict_flat(jnp.zeros_like(flat))
    design = jax.jacfwd(predict_flat)(jnp.zeros_like(flat))
    probe = predict_flat(jnp.ones_like(flat))
    scale = jnp.max(jnp.abs(probe)) + 1
    if not jnp.allclose(probe, offset + design.sum(-1), rtol=0, atol=1e-3 * scale):
        raise ValueError(
            "a least squares fit needs a model that is affine in its parameters, and this one is "
            "not; train it with optimizer 'adam' or 'adamw'"
        )
    residual = np.asarray(targets, np.float64) - np.asarray(offset, np.float64)
    matrix = np.asarray(design, np.float64).reshape(residual.size, flat.size)
    solution, *_ = np.linalg.lstsq(matrix, residual.reshape(-1), rcond=None)
    return unravel(jnp.asarray(solution, flat.dtype))
