"""Networks of point clouds: invariance with plain networks as controls, sizes, bad inputs."""

import functools
import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit
from symjax_models.models.dgcnn import DGCNN, DGCNNNormals, DGCNNSegmenter
from symjax_models.models.pointnet import PointNet, PointNetSegmenter
from symjax_models.models.vn_dgcnn import VNDGCNN, VNDGCNNNormals, VNDGCNNSegmenter
from symjax_models.models.vn_pointnet import VNPointNet, VNPointNetSegmenter

RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(7, 3))
CATEGORIES = np.eye(2)[1]
TINY_NET = ((8,), (8,))
# Not too narrow: few channels let one short vector, whose direction is rounding, weigh much.
EDGES = {"k": 3, "channels": ((16,), (16,)), "embedding": 32}
STAGES = {"before": (8,), "after": (8, 16), "transform": TINY_NET}


class Case(NamedTuple):
    model: object
    output: str
    has_reflections: bool | None  # None: no invariance at all.


CASES = {
    "pointnet": Case(PointNet(2, **STAGES, head=(32,)), "invariant", None),
    "pointnet_segmenter": Case(PointNetSegmenter(3, **STAGES, head=(32,)), "scalar", None),
    "dgcnn": Case(DGCNN(2, **EDGES, head=(32,)), "invariant", None),
    "dgcnn_segmenter": Case(
        DGCNNSegmenter(3, **EDGES, category_features=2, transform=((8,), *TINY_NET), head=(32,)),
        "scalar",
        None,
    ),
    "dgcnn_normals": Case(DGCNNNormals(**EDGES, head=(32,)), "vector", None),
    "vn_pointnet": Case(
        VNPointNet(2, k=3, edge=8, **STAGES, head=(32,), pooling="max"), "invariant", False
    ),
    "vn_pointnet_segmenter": Case(
        VNPointNetSegmenter(3, k=3, edge=8, **STAGES, head=(32,)), "scalar", False
    ),
    "vn_dgcnn": Case(VNDGCNN(2, **EDGES, head=(32,), pooling="max"), "invariant", True),
    "vn_dgcnn_segmenter": Case(
        VNDGCNNSegmenter(3, **EDGES, category_features=2, head=(32,)), "scalar", True
    ),
    "vn_dgcnn_normals": Case(
        VNDGCNNNormals(**(EDGES | {"channels": ((16,),)}), head=(32,)), "vector", False
    ),
}
PLAIN = [name for name, case in CASES.items() if case.has_reflections is None]
INVARIANT = [name for name in CASES if name not in PLAIN]
# The layers of the others are among theirs; the compiler takes seconds for each.
QUICK = ("vn_pointnet", "vn_dgcnn_normals")


def arguments(name):
    return (POINTS, CATEGORIES) if name.endswith("segmenter") else (POINTS,)


@functools.cache
def make_params(name):
    """Random parameters, biases and scales too; without a program that draws them."""
    shapes = jax.eval_shape(CASES[name].model.init, jax.random.key(0), *arguments(name))
    rng = np.random.default_rng(0)
    draw = lambda leaf: np.float32(rng.normal(size=leaf.shape) / leaf.shape[0] ** 0.5)  # noqa: E731
    return jax.tree.map(draw, shapes)


def measure(name, *, dtype):
    kinds = ["invariant", "point", "invariant"][: 1 + len(arguments(name))]
    return audit.equivariance_error(
        CASES[name].model.apply,
        make_params(name),
        *arguments(name),
        inputs=kinds,
        output=CASES[name].output,
        translations=False,
        num_samples=4,
        dtype=dtype,
    ).parts


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_symmetries(name, dtype):
    errors = measure(name, dtype=dtype)
    broken = {None: ["rotations"], False: ["reflections"], True: []}[CASES[name].has_reflections]
    kept = {None: [], False: ["rotations"], True: ["rotations", "reflections"]}
    for part in ["permutations", *kept[CASES[name].has_reflections]]:
        assert errors[part] < {"float32": 5e-6, "float64": 1e-12}[dtype], part
    for part in broken:
        assert errors[part] > 1e-2, part


@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in INVARIANT],
)
def test_values_and_gradients_are_finite_at_degenerate_clouds(name):
    params, inputs = make_params(name), arguments(name)[1:]

    @jax.jit
    def value_and_gradient(points):
        total = lambda points: jnp.sum(jnp.sin(CASES[name].model.apply(params, points, *inputs)))  # noqa: E731
        return jax.value_and_grad(total)(points)

    line = np.arange(7)[:, None] * np.array([1.0, 2.0, 2.0])
    for points in (np.zeros((7, 3)), np.broadcast_to(POINTS[0], (7, 3)), line):
        for leaf in jax.tree.leaves(value_and_gradient(np.float32(points))):
            assert np.isfinite(leaf).all()


@pytest.mark.parametrize(
    "name", ["dgcnn", pytest.param("vn_dgcnn_normals", marks=pytest.mark.slow)]
)
def test_batches_are_clouds_side_by_side_and_dropout_is_random(name):
    params, inputs = make_params(name), [np.stack([x, 0.5 * x]) for x in arguments(name)]

    @functools.partial(jax.jit, static_argnames="deterministic")
    def apply(key, *inputs, deterministic=True):
        rngs = {"dropout": key}
        return CASES[name].model.apply(params, *inputs, deterministic=deterministic, rngs=rngs)

    both = apply(jax.random.key(0), *inputs)
    one = apply(jax.random.key(0), *(x[1] for x in inputs))
    np.testing.assert_allclose(both[1], one, rtol=1e-3, atol=1e-4)
    zero, one = (apply(jax.random.key(s), *inputs, deterministic=False) for s in (0, 1))
    assert np.abs(zero - one).max() > 1e-3


@pytest.mark.parametrize("shape", [(3,), (4, 2), (0, 3)])
@pytest.mark.parametrize("name", ["pointnet", "vn_dgcnn"])
def test_what_is_no_cloud_is_refused(name, shape):
    with pytest.raises(ValueError, match="expected clouds of shape"):
        CASES[name].model.init(jax.random.key(0), jnp.zeros(shape))


@pytest.mark.parametrize("shape", [(2,), (3, 4), ()], ids=str)
@pytest.mark.parametrize("network", [PointNetSegmenter, DGCNNSegmenter, VNDGCNNSegmenter])
def test_categories_of_other_clouds_are_refused(network, shape):
    points = np.zeros((2, 24, 3), np.float32)
    with pytest.raises(ValueError, match=r"one-hot categories \[2, 'num_categories'\].*got shape"):
        jax.eval_shape(network(3).init, jax.random.key(0), points, np.ones(shape, np.float32))


def test_too_few_points_for_the_neighbours_are_refused():
    with pytest.raises(ValueError, match="k between 1 and 2"):
        CASES["vn_dgcnn"].model.init(jax.random.key(0), jnp.zeros((2, 3)))


# In the derivations of the sizes of the public code: a layer with normalization and without bias
# from i to o channels has i o + 2 o parameters, with bias i o + 3 o; a block of vector neurons
# 2 i o + 2 o, or i o + i + 2 o with a shared direction.
def dense(*widths):
    return sum(i * o + 2 * o for i, o in itertools.pairwise(widths))


def biased(*widths):
    return dense(*widths) + sum(widths[1:])


def block(*widths):
    return sum(2 * i * o + 2 * o for i, o in itertools.pairwise(widths))


def shared(i, o):
    return i * o + i + 2 * o


def invariant(channels):
    # Two blocks that halve the channels, and three vectors of a frame.
    return block(channels, channels // 2, channels // 4) + channels // 4 * 3


def transform(size):
    # PointNet's nets that predict a matrix: three layers of points, two of the cloud, the entries.
    return biased(size, 64, 128, 1024, 512, 256) + 256 * size**2 + size**2


def vector_transform(channels):
    # VN-PointNet's: the same widths over three, and vectors.
    return block(channels, 21, 42, 341, 170, 85) + 85 * channels


def last(i, o):
    return i * o + o


SIZES = {
    # Edge convolutions on [x_j - x_i, x_i]; embedding of all; maximum and mean; head.
    "dgcnn": (
        DGCNN(),
        dense(6, 64)
        + dense(128, 64)
        + dense(128, 128)
        + dense(256, 256)
        + dense(64 + 64 + 128 + 256, 1024)
        + dense(2 * 1024, 512)
        + biased(512, 256)
        + last(256, 40),
        1_809_576,
    ),
    # The net that predicts a matrix; three convolutions; category; head without any bias.
    "dgcnn_segmenter": (
        DGCNNSegmenter(),
        dense(6, 64, 128, 1024, 512, 256)
        + last(256, 9)
        + dense(6, 64, 64)
        + dense(128, 64, 64)
        + dense(128, 64)
        + dense(3 * 64, 1024)
        + dense(16, 64)
        + dense(1024 + 64 + 3 * 64, 256, 256, 128)
        + 128 * 50,
        1_460_361,
    ),
    # Both transformations; points; maximum; head. Every layer of the public code has a bias.
    "pointnet": (
        PointNet(),
        transform(3)
        + biased(3, 64, 64)
        + transform(64)
        + biased(64, 64, 128, 1024)
        + biased(1024, 512, 256)
        + last(256, 40),
        3_480_049,
    ),
    # The same; the head reads all five layers, their maximum and the category.
    "pointnet_segmenter": (
        PointNetSegmenter(),
        transform(3)
        + biased(3, 64, 128, 128)
        + transform(128)
        + biased(128, 512, 2048)
        + biased(64 + 128 + 128 + 512 + 2048 + 2048 + 16, 256, 256, 128)
        + last(128, 50),
        8_342_395,
    ),
    # 64, 128, 256 and 1024 over three; the embedding and its mean are read in a frame, three
    # numbers per channel, and pooled by maximum and mean.
    "vn_dgcnn": (
        VNDGCNN(),
        block(2, 21)
        + block(42, 21)
        + block(42, 42)
        + block(84, 85)
        + shared(21 + 21 + 42 + 85, 341)
        + invariant(2 * 341)
        + biased(2 * 2 * 3 * 341, 512, 256)
        + last(256, 40),
        2_899_830,
    ),
    "vn_dgcnn_segmenter": (
        VNDGCNNSegmenter(),
        block(2, 21, 21)
        + block(42, 21, 21)
        + block(42, 21)
        + shared(3 * 21, 341)
        + invariant(2 * 341)
        + dense(16, 64)
        + dense(2 * 3 * 341 + 64 + 3 * 3 * 21, 256, 256, 128)
        + 128 * 50,
        1_306_090,
    ),
    # Edges with cross products; the last layer of points is linear, with normalization.
    "vn_pointnet": (
        VNPointNet(),
        block(3, 21, 21)
        + vector_transform(21)
        + block(42, 42)
        + dense(42, 341)
        + invariant(2 * 341)
        + biased(2 * 3 * 341, 512, 256)
        + last(256, 40),
        1_972_745,
    ),
    "vn_pointnet_segmenter": (
        VNPointNetSegmenter(),
        block(3, 21, 21, 42, 42)
        + vector_transform(42)
        + block(84, 170)
        + dense(170, 682)
        + invariant(2 * 682)
        + biased(2 * 6 * 682 + 16 + 3 * (21 + 42 + 42 + 170), 256, 256, 128)
        + last(128, 50),
        5_080_419,
    ),
}


@pytest.mark.parametrize("name", SIZES)
def test_default_sizes_are_those_of_the_public_code(name):
    model, derived, expected = SIZES[name]
    inputs = [jnp.zeros((20, 3)), jnp.zeros(16)][: len(arguments(name))]
    shapes = jax.eval_shape(model.init, jax.random.key(0), *inputs)
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == derived == expected
