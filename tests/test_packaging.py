import configparser
import importlib.metadata
import pathlib
import pkgutil
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile

import pytest
from packaging import requirements, specifiers

import symjax_models

ROOT = pathlib.Path(__file__).resolve().parents[1]


def setup_cfg():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def test_one_version_everywhere():
    version = symjax_models.__version__
    assert f"version: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text()
    assert setup_cfg()["metadata"]["version"] == "attr: symjax_models.__version__"


def test_old_jax_is_refused_at_install():
    lines = setup_cfg()["options"]["install_requires"].strip().splitlines()
    needed = {need.name: need.specifier for need in map(requirements.Requirement, lines)}
    assert "0.11.2" in needed["jax"]
    for wrong in ("0.10.2", "0.11.0", "0.11.1"):
        assert wrong not in needed["jax"]
    for extra in ("cuda13", "tpu"):
        accelerated = requirements.Requirement(setup_cfg()["options.extras_require"][extra].strip())
        assert accelerated.specifier == needed["jax"]
        # pip only warns of an extra that does not exist, and installs for the CPU
        assert accelerated.extras <= set(
            importlib.metadata.metadata("jax").get_all("Provides-Extra")
        )


def test_python_is_refused_below_the_pinned_one():
    accepted = specifiers.SpecifierSet(setup_cfg()["options"]["python_requires"])
    pinned = (ROOT / ".python-version").read_text().strip()
    assert pinned in accepted
    assert "3.11.9" not in accepted


def test_extras_of_the_readme_exist():
    extras = setup_cfg()["options.extras_require"]
    named = re.findall(r"\[([a-z0-9,]+)\]['`]", (ROOT / "README.md").read_text())
    assert named
    for name in {part for group in named for part in group.split(",")}:
        assert name in extras


def test_pyproject_holds_no_metadata():
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(tables) == {"build-system", "tool"}
    assert set(tables["tool"]) == {"ruff", "pyright"}


def test_ci_runs_the_readme_commands():
    script = (ROOT / ".ci" / "run").read_text()
    assert "make test\n" in script
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o100
    readme = (ROOT / "README.md").read_text()
    assert "make demo" in readme
    assert "make test" in readme


def modules_loaded_by(names):
    """Return the top-level modules in memory after these imports in a fresh process."""
    script = (
        f"import sys, {', '.join(names)}; print(*{{name.split('.')[0] for name in sys.modules}})"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(result.stdout.split())


def test_importing_the_package_is_light():
    loaded = modules_loaded_by(["symjax_models"])
    assert "symjax_models" in loaded
    assert not loaded & {"jax", "numpy", "flax"}


def test_importing_every_room_needs_no_extra():
    rooms = [
        f"symjax_models.{module.name}" for module in pkgutil.iter_modules(symjax_models.__path__)
    ]
    loaded = modules_loaded_by(rooms)
    assert {"jax", "flax", "optax", "orbax"} <= loaded
    assert not loaded & {"matplotlib", "tensorboardX", "torch", "pytest"}


@pytest.mark.slow
def test_wheel_holds_the_package_alone(tmp_path):
    clone = tmp_path / "clone"
    for name in ("symjax_models", "experiments", "configs", "tests"):
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone)
    build = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, tmp_path], cwd=clone, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name == f"symjax_models-{symjax_models.__version__}-py3-none-any.whl"
    assert wheel.stat().st_size < 1_000_000
    files = zipfile.ZipFile(wheel).namelist()
    information = f"symjax_models-{symjax_models.__version__}.dist-info"
    assert {name.split("/")[0] for name in files} == {"symjax_models", information}
    assert {"symjax_models/py.typed", f"{information}/licenses/LICENSE"} <= set(files)
    sources = {p.relative_to(ROOT).as_posix() for p in (ROOT / "symjax_models").rglob("*.py")}
    assert sources <= set(files)
