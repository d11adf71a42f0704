"""A regression problem small enough to train in a test."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import training

SEEDS = (3, 5)


class Toy:
    """A two-layer network and its data; counts how often the loss is traced."""

    def __init__(self):
        rng = np.random.default_rng(0)
        inputs = rng.normal(size=(60, 4)).astype(np.float32)
        targets = np.sin(inputs @ rng.normal(size=(4, 1))).astype(np.float32)
        self.train = {"x": inputs[:48], "y": targets[:48]}
        self.valid = {"x": inputs[48:], "y": targets[48:]}
        self.traces = 0
        self.settings = {
            "num_steps": 24,
            "batch_size": 8,
            "steps_per_dispatch": 4,
            "eval_every": 8,
            "checkpoint_every": 8,
        }
        self.batches = {}  # of which the engine makes rows if there are none

    def init(self, key):
        first, second = jax.random.split(key)
        return {
            "hidden": jax.random.normal(first, (4, 8)),
            "out": 0.1 * jax.random.normal(second, (8, 1)),
        }

    def loss(self, params, batch, key):
        self.traces += 1
        outputs = jnp.tanh(batch["x"] @ params["hidden"]) @ params["out"]
        if key is not None:  # noise in training alone, so that the key matters
            outputs += 0.01 * jax.random.normal(key, outputs.shape)
        return jnp.square(outputs - batch["y"]).sum(axis=-1)

    def run(self, workdir, *, seeds=SEEDS, mesh=None, report=lambda _: None, **changes):
        loss = changes.pop("loss", self.loss)
        optimizer = changes.pop(
            "optimizer",
            training.OptimizerSettings(learning_rate=0.02, schedule="cosine", ema_decay=0.9),
        )
        return training.train(
            self.init,
            loss,
            self.train,
            self.valid,
            seeds=seeds,
            settings=training.LoopSettings(**(self.settings | changes)),
            optimizer=optimizer,
            workdir=workdir,
            mesh=mesh,
            report=report,
            **self.batches,
        )


@pytest.fixture
def toy():
    return Toy()


def assert_same(first, second):
    """Assert that two pytrees are equal to the bit."""
    assert jax.tree.structure(first) == jax.tree.structure(second)
    for one, other in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


@pytest.fixture(name="assert_same")
def _assert_same():
    return assert_same
