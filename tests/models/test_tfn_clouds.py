"""Tensor field networks of clouds: symmetry, degenerate clouds, batches and what is refused."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit
from symjax_models.models.tfn_clouds import (
    CloudTFN,
    TFNClassifier,
    TFNNormals,
    TFNSegmenter,
    neighbour_graph,
)

SIZES = {"hidden": "3x0e+2x1o", "num_layers": 1, "max_degree": 1, "num_channels": 2, "k": 4}
READ_OUT = {"embedding": 4, "head": (5,)}
MODELS = {
    "classifier": TFNClassifier(
        num_classes=3, **SIZES | {"hidden": "3x0e+2x1o+1x2e", "max_degree": 2}, **READ_OUT
    ),
    "segmenter": TFNSegmenter(num_parts=3, **SIZES, **READ_OUT),
    "normals": TFNNormals(**SIZES),
}
KINDS = {"classifier": "invariant", "segmenter": "scalar", "normals": "vector"}
POINTS = np.random.default_rng(0).normal(size=(2, 9, 3)) * np.array([1.0, 0.7, 0.4])
CATEGORIES = np.eye(2)


def arguments_of(name, points=POINTS):
    return (points, CATEGORIES) if name == "segmenter" else (points,)


@functools.cache
def draw_params(name):
    rng = np.random.default_rng(1)
    shapes = jax.eval_shape(MODELS[name].init, jax.random.key(0), *arguments_of(name))

    def draw(leaf):
        width = leaf.shape[-2] ** -0.5 if leaf.ndim > 1 else 0.3
        return 1.5 * width * rng.normal(size=leaf.shape)

    return jax.tree.map(draw, shapes)


@functools.cache
def jitted(name):
    return jax.jit(MODELS[name].apply)


def apply(name, *arguments):
    with jax.enable_x64(True):
        return np.asarray(jitted(name)(draw_params(name), *arguments))


def measure(name, dtype, *, stretch=1.0):
    """Measure the error of a model that sees the first axis stretched."""

    def function(params, stretch, points, *rest):
        return jitted(name)(params, points * stretch, *rest)

    points, *rest = arguments_of(name)
    return audit.equivariance_error(
        function,
        draw_params(name),
        np.array([stretch, 1.0, 1.0]),
        points,
        *rest,
        inputs=["invariant", "invariant", "point", "invariant"][: 3 + len(rest)],
        output=KINDS[name],
        dtype=dtype,
        num_samples=4,
    )


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 5e-6), ("float64", 1e-12)])
@pytest.mark.parametrize("name", sorted(MODELS))
def test_is_equivariant(name, dtype, tolerance):
    error = measure(name, dtype)
    assert {"rotations", "reflections", "translations", "permutations"} < set(error.parts)
    assert error.max < tolerance, error


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_network_that_stretches_an_axis_is_caught(name):
    error = measure(name, "float32", stretch=1.5)
    assert error.parts["rotations"] > 1e-2
    assert error.parts["translations"] < 1e-5 and error.parts["permutations"] < 1e-5


def test_clouds_of_a_batch_do_not_see_each_other():
    expected = apply("segmenter", POINTS, CATEGORIES)
    assert np.abs(expected[0] - expected[1]).max() > 1e-2
    swapped = apply("segmenter", POINTS[::-1], CATEGORIES[::-1])
    np.testing.assert_allclose(swapped, expected[::-1], rtol=0, atol=1e-12)


def test_the_segmenter_sees_the_category():
    one = apply("segmenter", POINTS, CATEGORIES)
    other = apply("segmenter", POINTS, CATEGORIES[::-1])
    assert np.abs(one - other).max() > 1e-2


def test_normals_of_degenerate_clouds_have_finite_derivatives():
    line = np.linspace(-1, 1, 9)[:, None] * np.array([1.0, 2.0, -1.0])
    clouds = np.stack([POINTS[0], np.zeros((9, 3)), line])

    @jax.jit
    def differentiate(params, clouds):
        def total(params, clouds):
            normals = MODELS["normals"].apply(params, clouds)
            return jnp.sum(jnp.square(normals - 0.3)), normals

        return jax.grad(total, argnums=(0, 1), has_aux=True)(params, clouds)

    with jax.enable_x64(True):
        slopes, normals = differentiate(draw_params("normals"), clouds)
    assert np.all(np.linalg.norm(normals[0], axis=-1) > 0)
    assert not np.any(normals[1])
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))


def test_dropout_reads_its_stream():
    model = TFNClassifier(num_layers=0, k=4, **READ_OUT)
    shapes = jax.eval_shape(model.init, jax.random.key(0), POINTS)
    params = jax.tree.map(lambda leaf: np.ones(leaf.shape, np.float32), shapes)

    @jax.jit
    def drop(params, keys):
        return jax.vmap(
            lambda key: model.apply(
                params, np.float32(POINTS), deterministic=False, rngs={"dropout": key}
            )
        )(keys)

    one, other = np.asarray(drop(params, jax.random.split(jax.random.key(0))))
    assert np.abs(one - other).max() > 1e-3


def test_edges_lead_from_the_nearest_points_of_the_same_cloud():
    with jax.enable_x64(True):
        graph = neighbour_graph(jnp.asarray(POINTS), k=4)
    flat = POINTS.reshape(-1, 3)
    for receiver in range(18):
        distances = np.linalg.norm(flat - flat[receiver], axis=-1)
        distances[np.arange(18) // 9 != receiver // 9] = np.inf
        is_entering = np.asarray(graph.receivers) == receiver
        assert graph.senders[is_entering].tolist() == np.argsort(distances)[1:5].tolist()
    displacements = flat[graph.receivers] - flat[graph.senders]
    found = np.asarray(graph.edges["displacements"])
    squares = np.square(found).sum(-1).reshape(2, -1)
    np.testing.assert_allclose(squares.mean(axis=1), 1, rtol=1e-12)
    ratios = (found / displacements).reshape(2, -1)
    np.testing.assert_allclose(ratios, ratios[:, :1].repeat(ratios.shape[1], axis=1), rtol=1e-9)


@pytest.mark.parametrize("shape", [(4, 3), (3,), (9, 2)])
def test_clouds_that_do_not_fit_are_refused(shape):
    with pytest.raises(ValueError, match=r"more than k = 4 points, got \["):
        CloudTFN(**SIZES).init(jax.random.key(0), jnp.ones(shape))
