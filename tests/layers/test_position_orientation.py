"""The convolution over positions and orientations keeps the variance of its input at the start."""

import jax
import numpy as np
import pytest

from symjax_models.layers.position_orientation import (
    InvariantBasis,
    KernelBases,
    PositionOrientationBlock,
    PositionOrientationConv,
)
from symjax_models.ops.graph import complete

NODES, ORIENTATIONS, CHANNELS, BASIS = 5, 12, 64, 64


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@jax.jit
def make_bases(key):
    """Return basis functions of normal invariants."""
    spatial, angular = InvariantBasis(BASIS), InvariantBasis(BASIS)
    keys = jax.random.split(key)
    return KernelBases(
        spatial=spatial.init_with_output(keys[0], draw(8, NODES, NODES - 1, ORIENTATIONS, 2))[0],
        own=draw(BASIS) * 0.65,
        angular=angular.init_with_output(keys[1], draw(ORIENTATIONS, ORIENTATIONS, 1))[0],
    )


FEATURES = draw(8, NODES, ORIENTATIONS, CHANNELS, seed=1)
GRAPH = complete({"index": draw(8, NODES, 1)})


def test_basis_and_convolution_start_with_unit_variance():
    bases = make_bases(jax.random.key(0))
    # That of gelu(z).
    assert np.mean(np.square(bases.spatial)) == pytest.approx(0.425, rel=0.5)
    conv = PositionOrientationConv()
    outputs, _ = jax.jit(conv.init_with_output)(
        jax.random.key(1), FEATURES, bases, neighbours=GRAPH
    )
    assert outputs.shape == FEATURES.shape
    assert 0.6 < np.std(outputs) < 1.6


def test_block_adds_an_update_of_the_layer_scale():
    block = PositionOrientationBlock(widening=2, layer_scale=1e-3)
    bases = make_bases(jax.random.key(0))
    outputs, params = jax.jit(block.init_with_output)(
        jax.random.key(1), FEATURES, bases, neighbours=GRAPH
    )
    change = np.std(outputs - FEATURES)
    assert 1e-5 < change < 3e-3
    assert params["params"]["widen"]["kernel"].shape == (CHANNELS, 2 * CHANNELS)


def test_permuted_orientations_permute_the_output():
    conv, bases = PositionOrientationConv(), make_bases(jax.random.key(0))
    outputs, params = jax.jit(conv.init_with_output)(
        jax.random.key(1), FEATURES, bases, neighbours=GRAPH
    )
    order = np.random.default_rng(0).permutation(ORIENTATIONS)
    moved = KernelBases(
        spatial=bases.spatial[..., order, :], own=bases.own, angular=bases.angular[order][:, order]
    )
    found = conv.apply(params, FEATURES[..., order, :], moved, neighbours=GRAPH)
    np.testing.assert_allclose(found, outputs[..., order, :], atol=1e-4)
    # The control: kernels that stay behind.
    stayed = conv.apply(params, FEATURES[..., order, :], bases, neighbours=GRAPH)
    assert np.abs(stayed - outputs[..., order, :]).max() > 1e-2
