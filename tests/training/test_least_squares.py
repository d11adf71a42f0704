import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models.training import least_squares


def test_fit_equals_numpy():
    rng = np.random.default_rng(1)
    inputs, targets = rng.normal(size=(2, 30, 3)).astype(np.float32)
    params = {"w": jnp.zeros((3, 3)), "b": jnp.zeros(3)}
    fitted = least_squares.fit_least_squares(
        lambda p, x: x @ p["w"] + p["b"] + 5.0, params, jnp.asarray(inputs), jnp.asarray(targets)
    )
    design = np.concatenate([inputs, np.ones((30, 1))], axis=1)
    solution = np.linalg.lstsq(design, targets - 5.0, rcond=None)[0]
    np.testing.assert_allclose(fitted["w"], solution[:3], atol=1e-5)
    np.testing.assert_allclose(fitted["b"], solution[3], atol=1e-5)


def test_model_that_is_not_affine_is_refused():
    with pytest.raises(ValueError, match="affine in its parameters"):
        least_squares.fit_least_squares(
            lambda p, x: jnp.exp(p * x), jnp.zeros(()), jnp.arange(4.0), jnp.arange(4.0)
        )
