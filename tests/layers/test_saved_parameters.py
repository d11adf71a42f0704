"""Saved parameters mean the same layer in every process."""

import os
import pathlib
import subprocess
import sys

import jax
import numpy as np
import pytest

from tests.layers import saved_layers

ROOT = pathlib.Path(__file__).parents[2]
pytestmark = pytest.mark.multiprocess


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A file with parameters, inputs and outputs of all layers."""
    rng = np.random.default_rng(0)

    def draw(leaf):
        real, imaginary = rng.normal(size=(2, *leaf.shape))
        is_complex = np.issubdtype(leaf.dtype, np.complexfloating)
        return (real + 1j * imaginary if is_complex else real).astype(leaf.dtype)

    params, inputs = jax.tree.map(draw, saved_layers.make_shapes())
    path = tmp_path_factory.mktemp("saved") / "layers.npz"
    saved_layers.save(path, params, inputs, saved_layers.apply_all(params, inputs))
    return path


def run(path, seed):
    return subprocess.run(
        [sys.executable, "-m", "tests.layers.saved_layers", str(path)],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": str(seed)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_another_process_reproduces_the_outputs_to_the_bit(saved):
    first = run(saved, 1)
    assert first.returncode == 0, first.stderr
    hashed, count = first.stdout.split()
    # It was another process, where sets have another order.
    assert int(hashed) != hash("PYTHONHASHSEED")
    assert int(count) == len(saved_layers.make_layers())


def test_other_parameters_are_noticed(saved, tmp_path):
    arrays = dict(np.load(saved))
    name = next(name for name in arrays if "kernel" in name and "solutions" in name)
    arrays[name] = np.nextafter(arrays[name], np.float32(np.inf))
    np.savez(tmp_path / "other.npz", **arrays)
    params, inputs, expected = saved_layers.restore(str(tmp_path / "other.npz"))
    name = "Linear, solutions"
    outputs = saved_layers.apply_all(params, inputs)[name]
    pairs = zip(outputs.blocks, expected[name].blocks, strict=True)
    assert any(np.any(a != b) for a, b in pairs)
