"""Distributions of group elements: equivariance in law, at symmetric inputs too; gradients."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import groups
from symjax_models.layers import group_distributions
from symjax_models.layers.dense import Dense

SAMPLES = 2000


class Vectors(nn.Module):
    """Mix points and noise with invariant weights; `[*batch, d, k]`."""

    count: int = 2

    @nn.compact
    def __call__(self, x, noise):
        vectors = jnp.concatenate([x[..., None], noise], axis=-1)
        squares = jnp.sum(jnp.square(vectors), axis=-2)
        weights = Dense(vectors.shape[-1] * self.count)(jnp.tanh(Dense(8)(squares)))
        weights = weights.reshape(*weights.shape[:-1], vectors.shape[-1], self.count)
        return jnp.einsum("...nic,...nck->...ik", vectors, weights, precision="highest")


class Scores(nn.Module):
    """Score nodes by what they and their neighbours have, noise included; `[*batch, N]`."""

    @nn.compact
    def __call__(self, x, noise):
        hidden = jnp.tanh(Dense(8)(jnp.concatenate([x.sum(-1, keepdims=True), noise], -1)))
        return Dense(1)(hidden + jnp.matmul(x, hidden))[..., 0]


class Sums(nn.Module):
    """Score nodes without noise: equal for nodes that a symmetry exchanges."""

    @nn.compact
    def __call__(self, x, noise):
        return x.sum(-1) * self.param("scale", nn.initializers.ones, ())


def frame_of(module, x, *, seed=1):
    params = module.init(jax.random.key(0), x, key=jax.random.key(0))
    return jax.tree.map(np.asarray, jax.jit(module.apply)(params, x, key=jax.random.key(seed)))


def test_rotations_are_equivariant_in_law_at_symmetric_points():
    group = groups.SO(3)
    triangle = np.array([[np.cos(a), np.sin(a), 0.0] for a in 2 * np.pi / 3 * np.arange(3)])
    turn = np.asarray(group.sample(jax.random.key(5)))
    points = np.stack([triangle, triangle @ turn.T]).astype(np.float32)
    module = group_distributions.VectorDistribution(Vectors(), group, num_samples=SAMPLES)
    frame = frame_of(module, points)
    assert group.contains(frame.elements).all()

    # Moments of first and second order of the elements, turned back, have the same means.
    here, there = frame.elements[:, 0], np.einsum("ji,kjl->kil", turn, frame.elements[:, 1])
    moments = [
        np.concatenate([g.reshape(-1, 9), np.einsum("kia,kjb->kiajb", g, g).reshape(-1, 81)], 1)
        for g in (here, there)
    ]
    spread = np.sqrt(sum(m.var(0) for m in moments) / SAMPLES) + 1e-6
    assert (np.abs(moments[0].mean(0) - moments[1].mean(0)) < 5 * spread).all()
    # The control: elements that are not turned back have another law.
    wrong = np.einsum("kia,kjb->kiajb", frame.elements[:, 1], frame.elements[:, 1])
    assert (np.abs(moments[0].mean(0)[9:] - wrong.reshape(-1, 81).mean(0)) > 5 * spread[9:]).any()


def test_translations_are_exact():
    module = group_distributions.VectorDistribution(Vectors(), groups.SE(3), num_samples=4)
    points = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    frame, moved = frame_of(module, points), frame_of(module, points + 3)
    np.testing.assert_allclose(moved.elements[..., :3, :3], frame.elements[..., :3, :3], atol=1e-5)
    np.testing.assert_allclose(
        moved.elements[..., :3, 3] - 3, frame.elements[..., :3, 3], atol=1e-5
    )
    np.testing.assert_allclose(frame.weights.sum(0), 1, rtol=1e-6)


# A path of four nodes: its ends, and its middle nodes, are exchanged by a symmetry.
PATH = np.diag(np.ones(3), 1) + np.diag(np.ones(3), -1)


@pytest.mark.parametrize("network", [Scores(), Sums()], ids=["noise", "ties"])
def test_places_of_nodes_that_a_symmetry_exchanges_have_one_law(network):
    module = group_distributions.PermutationDistribution(network, num_samples=SAMPLES)
    order = [2, 0, 3, 1]
    graphs = np.stack([PATH, PATH[np.ix_(order, order)]]).astype(np.float32)
    frame = frame_of(module, graphs)
    np.testing.assert_array_equal(frame.elements.sum(-1), 1)
    np.testing.assert_array_equal(np.swapaxes(frame.elements, -1, -2), frame.inverses)
    # How often every node is at every place.
    here, there = frame.elements.mean(0)
    bound = 5 * np.sqrt(2 * 0.25 / SAMPLES)
    np.testing.assert_allclose(here, here[::-1], atol=bound)
    np.testing.assert_allclose(there, here[order], atol=bound)
    assert np.abs(here[0] - here[1]).max() > bound


def test_gradients_reach_the_scores_and_the_vectors():
    graph = jnp.asarray(PATH, jnp.float32)
    points = jnp.asarray(np.random.default_rng(0).normal(size=(5, 3)), jnp.float32)
    for module, x in (
        (group_distributions.PermutationDistribution(Scores(), num_samples=2), graph),
        (group_distributions.VectorDistribution(Vectors(), groups.SO(3), num_samples=2), points),
    ):
        key = jax.random.key(1)
        params = module.init(jax.random.key(0), x, key=key)

        def loss(params, module=module, x=x, key=key):
            frame = module.apply(params, x, key=key)
            return jnp.sum(frame.elements[..., 0] * jnp.arange(1.0, frame.elements.shape[-1] + 1))

        gradients = jax.tree.leaves(jax.jit(jax.grad(loss))(params))
        assert all(np.isfinite(leaf).all() for leaf in gradients)
        assert max(np.abs(leaf).max() for leaf in gradients) > 1e-4


def test_errors_name_what_fits():
    module = group_distributions.VectorDistribution(Vectors(), groups.SO(3))
    with pytest.raises(ValueError, match="needs a key"):
        module.init(jax.random.key(0), np.ones((4, 3), np.float32))
    with pytest.raises(ValueError, match=r"SO\(d\), O\(d\)"):
        group_distributions.VectorDistribution(Vectors(), groups.S(3))
    module = group_distributions.VectorDistribution(Vectors(2), groups.E(3))
    with pytest.raises(ValueError, match=r"E\(3\) has reflections, which take 3 vectors"):
        module.init(jax.random.key(0), np.ones((4, 3), np.float32), key=jax.random.key(0))
