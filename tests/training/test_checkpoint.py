import shutil

import jax
import jax.numpy as jnp
import pytest

from symjax_models import training
from symjax_models.training import state
from symjax_models.training.checkpoint import Checkpoints


@pytest.fixture
def states(toy):
    optimizer, _ = training.make_optimizer(training.OptimizerSettings(), num_steps=10)
    return state.make_states(toy.init, optimizer, seeds=(1, 2), use_ema=True)


def shifted(states, amount):
    return jax.tree.map(lambda leaf: leaf + jnp.asarray(amount, leaf.dtype), states)


def test_restored_state_equals_the_saved_one(states, tmp_path, assert_same):
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.restore_latest(states) is None
        checkpoints.save(10, states)
        checkpoints.save(20, shifted(states, 1))
    with Checkpoints(tmp_path) as checkpoints:
        assert_same(checkpoints.restore_latest(states), shifted(states, 1))


def test_saved_state_survives_donation(states, tmp_path, assert_same):
    expected = jax.tree.map(lambda leaf: leaf.copy(), states)
    donate = jax.jit(lambda tree: shifted(tree, 1), donate_argnums=0)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, states)
        jax.block_until_ready(donate(states))
    with Checkpoints(tmp_path) as checkpoints:
        assert_same(checkpoints.restore_latest(expected), expected)


def test_damaged_checkpoint_is_said_and_the_one_before_is_used(states, tmp_path, assert_same):
    lines = []
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(10, states)
        checkpoints.save(20, shifted(states, 1))
    for part in (tmp_path / "20" / "state").iterdir():
        shutil.rmtree(part) if part.is_dir() else part.write_bytes(b"")
    with Checkpoints(tmp_path, report=lines.append) as checkpoints:
        assert_same(checkpoints.restore_latest(states), states)
    assert len(lines) == 1
    assert "checkpoint 20" in lines[0]
    assert "earlier one is used" in lines[0]


def test_full_disk_is_said_and_loses_nothing(states, tmp_path, assert_same, monkeypatch):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(10, states)
    usage = shutil.disk_usage(tmp_path)
    with Checkpoints(tmp_path) as checkpoints:
        with monkeypatch.context() as patch:
            patch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100))
            with pytest.raises(OSError, match=r"bytes are needed and 100 are free .* untouched"):
                checkpoints.save(20, states)
        assert_same(checkpoints.restore_latest(states), states)
