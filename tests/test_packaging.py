import configparser
import pathlib
import re
import tomllib

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
    requirements = setup_cfg()["options"]["install_requires"]
    bound = re.search(r"jax >= (\d+)\.(\d+)\.(\d+)", requirements)
    assert tuple(map(int, bound.groups())) >= (0, 11, 2)
    assert setup_cfg()["options"]["python_requires"] == ">=3.12"
    assert (ROOT / ".python-version").read_text() == "3.12\n"


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
