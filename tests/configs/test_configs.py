import pathlib

import pytest

from configs import presets
from experiments import (
    cli,
    clouds_data,
    clouds_task,
    hamiltonians,
    hamiltonians_task,
    molecules,
    nbody,
    point_clouds,
    registration,
    registration_task,
    runs,
    symmetrization,
    synthetic,
    synthetic_task,
    tables,
)
from symjax_models.models import registry
from symjax_models.training import make_optimizer

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "configs"
FILES = sorted(
    path.relative_to(FOLDER)
    for path in FOLDER.glob("*/*.py")
    if path.name not in ("__init__.py", "base.py")
)


@pytest.mark.parametrize("preset", presets.PRESETS)
@pytest.mark.parametrize("file", FILES, ids=str)
def test_every_config_builds_and_is_valid(file, preset):
    config = tables.load_config(file.parent.name, file.stem, preset)
    assert (config.table, config.row, config.preset) == (file.parent.name, file.stem, preset)
    if config.table == "synthetic":
        cli.check_fields(config, synthetic.FIELDS)
        assert synthetic_task.make_model(config)
        config = synthetic_task.with_budget(config)
    elif config.table == "water_hamiltonian":
        pytest.importorskip("pyscf", reason="the extra [molecules]")
        cli.check_fields(config, hamiltonians.FIELDS)
        hamiltonians_task.check_model(config)
    elif config.table == "point_clouds":
        cli.check_fields(config, point_clouds.FIELDS)
        for task in config.architectures:
            config.data.task, config.data.per_class = task, (1, 1, 1)
            assert clouds_task.make_model(config, clouds_data.load(config.data))
    elif config.table == "registration":
        cli.check_fields(config, registration.FIELDS)
        if config.row not in registration_task.CLOSED_FORMS:
            assert registry.make_model(config.row, config.model)
    elif config.table == "symmetrization":
        cli.check_fields(config, symmetrization.FIELDS)
        assert config.method in config.methods
    elif config.table in molecules.LOADERS:
        cli.check_fields(config, molecules.FIELDS)
        fields = {"species": (1, 6), "num_neighbours": 3.0, "cutoff": config.cutoff}
        assert registry.make_model(config.row, fields | dict(config.model)).species == (1, 6)
    else:
        cli.check_fields(config, nbody.FIELDS)
        assert registry.make_model(config.row, config.model)
    settings, optimizer = runs.loop_settings(config), runs.optimizer_settings(config)
    make_optimizer(optimizer, num_steps=settings.num_steps)


@pytest.mark.parametrize("file", FILES, ids=str)
def test_every_config_is_a_record(file):
    docstring = (FOLDER / file).read_text().split('"""')[1]
    for part in ("Paper:", "arXiv:", "Command:", "Time:", "Expected:"):
        assert part in docstring
    assert f"--config=configs/{file}:quick" in docstring


def test_unknown_preset_names_the_nearest():
    with pytest.raises(ValueError, match="unknown preset 'quikc'; did you mean 'quick'"):
        presets.parse_preset("quikc")
    assert presets.parse_preset("") == presets.parse_preset(None) == "quick"
