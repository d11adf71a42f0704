"""Initial distributions of parameters, as functions `(key, shape, dtype) -> array`."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from symjax_models.typing import Array, PRNGKey

Initializer = Callable[..., Array]


def uniform_fan_in(fan_in: int) -> Initializer:
    """Draw from U(-1/sqrt(fan_in), 1/sqrt(fan_in)), for kernels and biases alike.

    Args:
        fan_in: Number of inputs of the linear map.

    Returns:
        The initializer.

    Source:
        The default of `torch.nn.Linear`, which the published n-body models use.
    """
    bound = 1 / math.sqrt(fan_in)

    def init(key: PRNGKey, shape: tuple[int, ...], dtype: DTypeLike = "float32") -> Array:
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init


def xavier_uniform(*, gain: float = 1.0) -> Initializer:
    """Draw kernels `[in, out]` from U(-a, a) with a = gain sqrt(6 / (in + out)).

    Args:
        gain: Factor on the standard deviation.

    Returns:
        The initializer.

    Source:
        Glorot and Bengio 2010, equation 16.
    """

    def init(key: PRNGKey, shape: tuple[int, ...], dtype: DTypeLike = "float32") -> Array:
        bound = gain * math.sqrt(6 / (shape[-2] + shape[-1]))
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init


def normal_in_basis(factor: np.ndarray) -> Initializer:
    """Draw coefficients `[K, ...]` of basis maps as T u with standard normal u.

    Args:
        factor: The matrix T, `[K, K]`, from `reps.variance.unit_variance_factors`.

    Returns:
        The initializer.
    """

    def init(key: PRNGKey, shape: tuple[int, ...], dtype: DTypeLike = "float32") -> Array:
        drawn = jax.random.normal(key, shape, dtype)
        matrix = jnp.asarray(factor, dtype)
        return jnp.tensordot(matrix, drawn, 1, precision="highest")

    return init
