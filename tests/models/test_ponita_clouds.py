"""PONITA on clouds: invariant logits of clouds and of points."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit
from symjax_models.models.ponita_clouds import PonitaClassifier, PonitaSegmenter

RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(2, 8, 3)) * [1.0, 1.5, 2.0]
CATEGORIES = np.eye(3)[[0, 2]]
TINY = {
    "features": 4, "num_layers": 1, "basis": 4, "num_neighbours": 4, "widening": 2,
    "layer_scale": 1.0, "length_scale": 1.0,
}  # fmt: skip


def draw_params(model, *inputs):
    rng = np.random.default_rng(0)

    def draw(leaf):
        width = np.prod(leaf.shape[:-1], dtype=int) ** -0.5
        return jnp.asarray(width * rng.normal(size=leaf.shape), leaf.dtype)

    inputs = [np.float32(a) for a in inputs]
    return jax.tree.map(draw, jax.eval_shape(model.init, jax.random.key(0), *inputs))


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 5e-6), ("float64", 1e-12)])
def test_segmenter_is_exact_along_principal_axes_and_not_on_a_fixed_grid(dtype, tolerance):
    model = PonitaSegmenter(**TINY, num_parts=5)
    params = draw_params(model, POINTS, CATEGORIES)
    kinds = {"inputs": ("point", "invariant", "invariant"), "output": "scalar", "num_samples": 2}

    def applied(model):
        return lambda x, c, params: model.apply(params, x, jnp.asarray(c, x.dtype))

    error = audit.equivariance_error(
        applied(model), POINTS, CATEGORIES, params, **kinds, dtype=dtype
    )
    assert error.max < tolerance
    broken = audit.equivariance_error(
        applied(PonitaSegmenter(**TINY, num_parts=5, grid="fixed")),
        POINTS, CATEGORIES, params, **kinds, dtype=dtype,
    )  # fmt: skip
    assert broken.parts["rotations"] > 1e-2 and broken.parts["permutations"] < tolerance


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 5e-6), ("float64", 1e-12)])
def test_classifier_without_orientations_is_exact(dtype, tolerance):
    model = PonitaClassifier(**TINY, num_orientations=0, num_classes=5)
    params = draw_params(model, POINTS)
    kinds = {"inputs": ("point", "invariant"), "output": "invariant", "num_samples": 2}

    def measure(scale):
        return audit.equivariance_error(
            lambda x, params: model.apply(params, x * scale), POINTS, params, **kinds, dtype=dtype
        )

    assert measure(1).max < tolerance
    # The control: space stretched along an axis.
    assert measure(np.float32([1, 1, 3])).max > 1e-2
