"""The arguments of the scripts, as typed on a command line."""

import json
import pathlib
import subprocess
import sys

import ml_collections
import pytest

from experiments import cli, runs

ROOT = pathlib.Path(__file__).resolve().parents[2]
NBODY = ("experiments.nbody", "--config=configs/nbody/egnn.py:smoke")


def call(*arguments):
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("experiments.nbody", "--config=configs/nbody/egnn.py:quikc"), "did you mean 'quick'?"),
        (("experiments.nbody", "--config=configs/nbody/egn.py"), "mean 'configs/nbody/egnn.py'?"),
        ((*NBODY, "--workdri=x"), "Did you mean: workdir ?"),
        (NBODY, "--workdir must have a value"),
        ((*NBODY, "--config.optimizer.learning_rat=1"), 'Did you mean "learning_rate"'),
        ((*NBODY, "--config.num_steps=1.5"), "--config.num_steps=1.5"),
        ((*NBODY, "--config.model.kk=1"), "the preset has no config field 'model.kk'"),
        ((*NBODY, "--workdir=unused", "--config.data.protocol=egn_small"), "mean 'egnn_small'?"),
        ((*NBODY, "--workdir=unused", "extra"), "unexpected argument 'extra'"),
        (("experiments.potentials",), "say what to do: predict, evaluate, md, check"),
        (("experiments.potentials", "evaluat"), "did you mean 'evaluate'?"),
        (("experiments.potentials", "md", "--input=x"), "--potential must have a value"),
        (("experiments.potentials", "md", "--input=x", "--potential=y"), "no trained potential at"),
        (("experiments.reproduce", "--table=nbodi"), "did you mean 'nbody'?"),
        (("experiments.reproduce", "--table=nbody", "--rows=egn"), "did you mean 'egnn'?"),
        (("experiments.reproduce", "--table=nbody", "--preset=quik"), "did you mean 'quick'?"),
    ],
)  # fmt: skip
def test_mistakes_end_in_one_sentence(arguments, sentence):
    result = call(*arguments)
    assert result.returncode == 2
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("error: ")
    assert sentence in lines[0]
    assert not (ROOT / "unused").exists()


@pytest.mark.parametrize("seeds", [(), (1, 1), (-1,), (1.5,)])
def test_seeds_are_different_numbers(seeds):
    config = ml_collections.ConfigDict({"seeds": seeds})
    with pytest.raises(ValueError, match="'seeds' takes whole numbers from 0, none of them twice"):
        cli.check_fields(config, {"seeds": tuple})


@pytest.mark.parametrize("text", ["{", None], ids=["damaged", "missing"])
def test_runs_without_their_config_are_not_resumed(tmp_path, text):
    runs.start(tmp_path, {"num_steps": 3})
    (tmp_path / "checkpoints" / "3").mkdir(parents=True)
    runs.start(tmp_path, {"num_steps": 3})
    with pytest.raises(ValueError, match="holds a run of another config"):
        runs.start(tmp_path, {"num_steps": 4})
    (tmp_path / "config.json").unlink()
    if text:
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(ValueError, match=r"config.json is missing or damaged; choose another"):
        runs.start(tmp_path, {"num_steps": 3})


def test_tuples_inside_tuples_are_lists_in_json():
    config = ml_collections.ConfigDict({"model": {"channels": ((4,), (4, 8))}, "seeds": (0, 1)})
    values = cli.as_json(config)
    assert values == json.loads(json.dumps(values))
    assert values["model"]["channels"] == [[4], [4, 8]]
