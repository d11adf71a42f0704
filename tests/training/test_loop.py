import json
import os
import signal

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import training
from symjax_models.training import sharding
from symjax_models.training.batches import SizeStrata


def test_training_overfits_in_a_few_steps(toy, tmp_path):
    outcome = toy.run(
        tmp_path,
        num_steps=400,
        steps_per_dispatch=40,
        eval_every=40,
        checkpoint_every=400,
        optimizer=training.OptimizerSettings(learning_rate=0.03),
    )
    first, last = outcome.records[0], outcome.records[-1]
    assert outcome.is_finished
    assert max(last["train_loss"]) < 0.2 * min(first["train_loss"])


@pytest.mark.slow
def test_steps_per_dispatch_never_change_the_result(toy, tmp_path, assert_same):
    states = [toy.run(tmp_path / str(k), steps_per_dispatch=k).state for k in (1, 2, 4, 8)]
    assert_same(states[1], states[2])
    assert_same(states[1], states[3])
    if jax.__version_info__ >= (0, 12):
        assert_same(states[0], states[1])
    else:  # its compiler unrolls a loop of one step
        chex.assert_trees_all_close(states[0], states[1], rtol=1e-5, atol=1e-6)


def test_one_trace_per_run(toy, tmp_path):
    toy.run(tmp_path / "short", num_steps=8)
    short, toy.traces = toy.traces, 0
    toy.run(tmp_path / "long", num_steps=64)
    assert toy.traces == short


def test_seeds_side_by_side_equal_seeds_alone(toy, tmp_path):
    together = toy.run(tmp_path / "both").state
    for index, seed in enumerate((3, 5)):
        alone = toy.run(tmp_path / str(seed), seeds=(seed,)).state
        for one, other in zip(jax.tree.leaves(together), jax.tree.leaves(alone), strict=True):
            np.testing.assert_allclose(one[index], other[0], rtol=2e-6, atol=1e-7)
    assert not np.allclose(together.params["hidden"][0], together.params["hidden"][1])


def test_interrupted_run_resumes_to_the_same_bits(toy, tmp_path, assert_same):
    whole = toy.run(tmp_path / "whole")
    stopped = _run_with_signal(toy, tmp_path / "parts", signal.SIGTERM)
    assert not stopped.is_finished
    assert 0 < int(stopped.state.step[0]) < 24
    lines = []
    resumed = toy.run(tmp_path / "parts", report=lines.append)
    assert resumed.is_finished
    assert_same(resumed.state, whole.state)
    assert any("resuming at step" in line for line in lines)
    steps = [record["step"] for record in resumed.records]
    assert steps == [record["step"] for record in whole.records] == [8, 16, 24]


def test_batches_of_several_shapes_resume_to_the_same_bits(toy, tmp_path, assert_same):
    def gather(data, indices):
        return jax.tree.map(lambda values: values[indices], data)

    shapes = [np.arange(32), np.arange(32, 48)]
    toy.settings |= {"num_steps": 240, "steps_per_dispatch": 20}
    toy.settings |= {"eval_every": 60, "checkpoint_every": 60}
    toy.batches = {"train_batches": [SizeStrata(members, 8, gather) for members in shapes]}
    whole = toy.run(tmp_path / "whole")
    assert toy.traces == 3  # one for each shape, one for the validation
    stopped = _run_with_signal(toy, tmp_path / "parts", signal.SIGTERM)
    assert not stopped.is_finished
    assert_same(toy.run(tmp_path / "parts").state, whole.state)


def _run_with_signal(toy, workdir, number):
    """Run, with a signal to this process at the second validation."""

    def report(line):
        lines.append(line)

    lines = []
    original, calls = training.loop.Monitor.validated, []

    def validated(self, *arguments):
        original(self, *arguments)
        calls.append(arguments)
        if len(calls) == 2:
            os.kill(os.getpid(), number)

    training.loop.Monitor.validated = validated
    try:
        outcome = toy.run(workdir, report=report)
    finally:
        training.loop.Monitor.validated = original
    step = 2 * toy.settings["eval_every"]
    text = f"stopped by {signal.Signals(number).name} at step {step}"
    assert any(text in line for line in lines)
    return outcome


def test_finished_run_is_not_run_again(toy, tmp_path, assert_same):
    first = toy.run(tmp_path)
    toy.traces = 0
    again = toy.run(tmp_path)
    assert_same(first.state, again.state)
    assert again.records == first.records
    assert toy.traces == 0


def test_best_parameters_are_those_of_the_best_validation(toy, tmp_path):
    # A rate far too high: the loss is lowest somewhere in the middle, not at the end.
    outcome = toy.run(
        tmp_path,
        num_steps=40,
        steps_per_dispatch=1,
        eval_every=1,
        checkpoint_every=40,
        optimizer=training.OptimizerSettings(learning_rate=0.5),
    )
    history = np.array([record["valid_loss"] for record in outcome.records])
    np.testing.assert_array_equal(outcome.state.best_step, history.argmin(axis=0) + 1)
    np.testing.assert_array_equal(outcome.state.best_loss, history.min(axis=0).astype(np.float32))
    for index in range(2):
        params = jax.tree.map(lambda leaf, index=index: leaf[index], outcome.state.best_params)
        loss = toy.loss(params, toy.valid, None).mean()
        assert float(loss) == pytest.approx(history[:, index].min(), rel=1e-5)
    assert (history[-1] > history.min(axis=0)).all()


def test_moving_average_follows_its_definition(toy, tmp_path):
    optimizer = training.OptimizerSettings(learning_rate=0.02, ema_decay=0.5)
    settings = {"steps_per_dispatch": 1, "eval_every": 1, "checkpoint_every": 1}
    expected = None
    for steps in (1, 2, 3):
        state = toy.run(tmp_path, num_steps=steps, optimizer=optimizer, **settings).state
        before = expected
        if before is None:
            start = jax.vmap(toy.init)(
                jax.vmap(lambda seed: training.state.stream_key(seed, "init"))(state.seed)
            )
            before = start
        expected = jax.tree.map(lambda a, b: 0.5 * a + 0.5 * b, before, state.params)
        for one, other in zip(jax.tree.leaves(expected), jax.tree.leaves(state.ema), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_nan_stops_the_run_with_step_and_loss(toy, tmp_path):
    def loss(params, batch, key):
        losses = toy.loss(params, batch, key)
        return losses if key is None else jnp.where(batch["y"][:, 0] > spike, jnp.nan, losses)

    spike = np.sort(toy.train["y"][:, 0])[-2]  # one example of the epoch
    with pytest.raises(FloatingPointError, match=r"loss is nan at step \d of seed [35] \(loss nan"):
        toy.run(tmp_path, loss=loss)
    records = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert all(np.isfinite(json.loads(line)["train_loss"]).all() for line in records)


def test_control_finite_losses_do_not_stop_the_run(toy, tmp_path):
    assert toy.run(tmp_path).is_finished


@pytest.mark.parametrize("field", ["num_steps", "eval_every", "checkpoint_every"])
def test_settings_that_do_not_divide_are_refused(field):
    fields = {"num_steps": 40, "eval_every": 20, "checkpoint_every": 20} | {field: 33}
    with pytest.raises(ValueError, match=rf"{field} must be a multiple .* \(10\), got 33; .* 30"):
        training.LoopSettings(batch_size=5, steps_per_dispatch=10, **fields)


def test_settings_that_are_not_positive_are_refused():
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        training.LoopSettings(
            num_steps=4, batch_size=0, steps_per_dispatch=1, eval_every=1, checkpoint_every=1
        )


@pytest.mark.slow
@pytest.mark.multidevice
def test_eight_devices_give_the_result_of_one(toy, tmp_path):
    mesh = sharding.make_mesh(batch_size=8, num_devices=8)
    one = toy.run(tmp_path / "one").state
    toy.traces = 0
    eight = toy.run(tmp_path / "eight", mesh=mesh).state
    assert len(eight.params["hidden"].sharding.device_set) == 8
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(eight), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)
    resumed = toy.run(tmp_path / "eight", mesh=mesh, num_steps=32).state
    assert int(resumed.step[0]) == 32


@pytest.mark.multidevice
def test_mesh_mistakes_are_refused():
    with pytest.raises(ValueError, match="does not divide among 8 devices; the nearest .* is 96"):
        sharding.make_mesh(batch_size=100, num_devices=8)
    with pytest.raises(ValueError, match="num_devices must be 1 to 8 here, got 9"):
        sharding.make_mesh(batch_size=90, num_devices=9)
    assert sharding.make_mesh(batch_size=100).size == 5
