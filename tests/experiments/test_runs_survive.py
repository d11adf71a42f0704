"""Whole runs as a user starts them: killed, stopped, spread over processes."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.multiprocess]


def start(workdir, results, *flags, devices=1):
    """Start the smoke run of EGNN, with flags on top."""
    command = [
        sys.executable,
        "-m",
        "experiments.nbody",
        "--config=configs/nbody/egnn.py:smoke",
        f"--workdir={workdir}",
        f"--results={results}",
        *flags,
    ]
    environment = os.environ | {"JAX_NUM_CPU_DEVICES": str(devices), "XLA_FLAGS": ""}
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process, *, seconds=240):
    output, _ = process.communicate(timeout=seconds)
    return output


def checkpoint_steps(workdir):
    """Return the steps of the finished checkpoints; unfinished ones have longer names."""
    return [int(p.name) for p in (workdir / "checkpoints").glob("*") if p.name.isdigit()]


def last_checkpoint(workdir, like=None):
    """Return the train state of the newest checkpoint, on the devices of `like` if given."""
    step = max(checkpoint_steps(workdir))
    with ocp.StandardCheckpointer() as checkpointer:
        return step, checkpointer.restore(workdir / "checkpoints" / str(step) / "state", like)


def wait_for_checkpoint(process, workdir, *, seconds=240):
    end = time.monotonic() + seconds
    while not checkpoint_steps(workdir):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end, "no checkpoint was written"
        time.sleep(0.02)


def rows(results):
    return [json.loads(line) for line in (results / "nbody.jsonl").read_text().splitlines()]


LONG = ("--config.num_steps=300", "--config.eval_every=20", "--config.checkpoint_every=20")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the folder of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    output = finish(start(folder / "run", folder, *LONG))
    assert "test MSE" in output, output
    return folder


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_stopped_run_resumes_to_the_same_bits(whole, tmp_path, number):
    process = start(tmp_path / "run", tmp_path, *LONG)
    wait_for_checkpoint(process, tmp_path / "run")
    process.send_signal(number)
    output = finish(process)
    assert not (tmp_path / "nbody.jsonl").exists(), "the run ended before it was stopped"
    if number == signal.SIGTERM:
        assert process.returncode == 0
        assert "stopped by SIGTERM at step" in output
    else:
        assert process.returncode == -signal.SIGKILL
    output = finish(start(tmp_path / "run", tmp_path, *LONG))
    assert "resuming at step" in output

    (step, expected), (resumed_step, resumed) = (
        last_checkpoint(folder / "run") for folder in (whole, tmp_path)
    )
    assert step == resumed_step == 300
    assert jax.tree.structure(expected) == jax.tree.structure(resumed)
    for one, other in zip(jax.tree.leaves(expected), jax.tree.leaves(resumed), strict=True):
        np.testing.assert_array_equal(one, other)
    metrics = [rows(folder)[0]["metrics"] for folder in (whole, tmp_path)]
    for timing in ("forward_ms",):
        for values in metrics:
            values.pop(timing)
    assert metrics[0] == metrics[1]


def test_two_processes_train_an_epoch_like_one(tmp_path):
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    epoch = ("--config.num_steps=3", "--config.eval_every=3", "--config.checkpoint_every=3")
    processes = [
        start(
            tmp_path / "two",
            tmp_path / "results_two",
            *epoch,
            f"--coordinator=localhost:{port}",
            "--num_processes=2",
            f"--process_id={index}",
            devices=2,
        )
        for index in range(2)
    ]
    outputs = [finish(process) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], "\n".join(outputs)
    assert "test MSE" in outputs[0]
    assert "test MSE" not in outputs[1]
    finish(start(tmp_path / "one", tmp_path / "results_one", *epoch))

    assert len(rows(tmp_path / "results_two")) == 1
    _, one = last_checkpoint(tmp_path / "one")
    _, two = last_checkpoint(tmp_path / "two", like=one)
    for a, b in zip(jax.tree.leaves(one["params"]), jax.tree.leaves(two["params"]), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)
