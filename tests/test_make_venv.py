"""How the set-up script finds a Python and keeps .venv whole, with interpreters that pretend."""

import pathlib
import shutil
import subprocess

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[1] / "scripts" / "make_venv.sh"
TOOLS = [
    "cat",
    "chmod",
    "cksum",
    "cp",
    "date",
    "dirname",
    "grep",
    "head",
    "ls",
    "mkdir",
    "rm",
    "sh",
    "sort",
    "tail",
    "tr",
]

# Answers the script's question with one line, makes a .venv of copies of itself, and "installs" by
# noting what was asked for; a file named `broken` beside setup.cfg makes the installation fail.
PYTHON = """#!/bin/sh
case "$1 $2" in
    "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    "-m pip") echo "$*" >>calls; if [ -e broken ]; then cat broken; exit 1; fi ;;
    *) echo "{verdict} {version} {path}" ;;
esac
"""


class Machine:
    """A clone of the repository on a machine with a shell, its tools and no Python."""

    def __init__(self, folder):
        self.home = folder
        self.tools = folder / "tools dir"
        self.clone = folder / "my clone"
        self.tools.mkdir()
        for name in TOOLS:
            (self.tools / name).symlink_to(shutil.which(name))
        (self.clone / "scripts").mkdir(parents=True)
        shutil.copy(SCRIPT, self.clone / "scripts")
        (self.clone / "setup.cfg").write_text("[metadata]\n")
        (self.clone / "pyproject.toml").write_text("")

    def add_python(self, name, version, verdict="suits"):
        path = self.tools / name  # an absolute name stays as it is
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PYTHON.format(verdict=verdict, version=version, path=path))
        path.chmod(0o755)
        return str(path)

    def add_pyenv(self, version, verdict="suits"):
        path = self.home / ".pyenv" / "versions" / version / "bin" / "python3"
        return self.add_python(path, version, verdict)

    def run(self, *arguments, **environment):
        """Run the script; return its exit status, output and errors."""
        result = subprocess.run(
            [self.tools / "sh", self.clone / "scripts" / SCRIPT.name, *arguments],
            env={"PATH": str(self.tools), "HOME": str(self.home)} | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return result.returncode, result.stdout.strip(), result.stderr.strip()

    def find(self, **environment):
        return self.run("--find-python", **environment)

    @property
    def installed(self):
        """The extras of every call of pip so far."""
        calls = self.clone / "calls"
        return [line.split("--editable ")[1] for line in calls.read_text().splitlines()]


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_python3_comes_first(machine):
    expected = machine.add_python("python3", "3.12.1")
    machine.add_python("python3.14", "3.14.0")
    assert machine.find() == (0, expected, "")


def test_newest_name_follows(machine):
    machine.add_python("python3", "3.11.2", "old")
    machine.add_python("python3.12", "3.12.4")
    expected = machine.add_python("python3.13", "3.13.0")
    assert machine.find() == (0, expected, "")


def test_pyenv_comes_last_and_newest_first(machine):
    machine.add_python("python3", "3.11.2", "old")
    for version in ("3.12.9", "3.12.10"):
        newest = machine.add_pyenv(version)
    machine.add_pyenv("3.11.9", "old")
    machine.add_pyenv("miniconda3-3.12", "old")
    assert machine.find() == (0, newest, "")
    named = machine.add_python("python3.12", "3.12.1")
    assert machine.find() == (0, named, "")


def test_pyenv_root_is_respected(machine):
    root = machine.home / "other pyenv"
    path = machine.add_python(root / "versions" / "3.12.3" / "bin" / "python3", "3.12.3")
    assert machine.find(PYENV_ROOT=str(root)) == (0, path, "")


def test_untested_python_is_the_last_resort(machine):
    untested = machine.add_python("python3", "3.15.0", "untested")
    assert machine.find() == (0, untested, "")
    tested = machine.add_pyenv("3.12.1")
    assert machine.find() == (0, tested, "")


def test_explicit_python_has_precedence(machine):
    machine.add_python("python3", "3.12.1")
    chosen = machine.add_python(machine.home / "my pythons" / "python", "3.13.0")
    assert machine.find(PYTHON=chosen) == (0, chosen, "")


def test_broken_shim_is_skipped(machine):
    shim = pathlib.Path(machine.add_python("python3", "3.12.0"))
    shim.write_text("#!/bin/sh\necho 'pyenv: version 3.12 is not installed' >&2\nexit 127\n")
    expected = machine.add_python("python3.12", "3.12.1")
    assert machine.find() == (0, expected, "")


def test_no_python_is_said_in_one_sentence(machine):
    code, _, error = machine.find()
    assert code == 1
    assert error == (
        "error: Python 3.12 or newer is needed and was not found (looked for python3, python3.14, "
        f"python3.13, python3.12 and in {machine.home}/.pyenv/versions; none runs); install one, "
        "or set PYTHON=/path/to/python."
    )


def test_old_python_is_named(machine):
    machine.add_python("python3", "3.11.2", "old")
    code, _, error = machine.find()
    assert code == 1
    assert "; python3 is 3.11.2); install one" in error


def test_missing_venv_module_is_said(machine):
    machine.add_python("python3", "3.12.3", "no-venv")
    code, _, error = machine.find()
    assert code == 1
    assert "python3 (3.12.3) is new enough but lacks the modules venv and ensurepip" in error
    assert "apt install python3-venv" in error


def test_wrong_explicit_python_is_refused(machine):
    machine.add_python("python3", "3.12.1")
    old = machine.add_python(machine.home / "old", "3.11.2", "old")
    message = "error: PYTHON must be Python 3.12 or newer, but"
    assert machine.find(PYTHON=old) == (1, "", f"{message} {old} is 3.11.2.")
    assert machine.find(PYTHON="nonesuch") == (1, "", f"{message} nonesuch does not run.")


def test_second_call_installs_nothing(machine):
    machine.add_python("python3", "3.12.1")
    code, output, _ = machine.run("dev", "plots")
    assert code == 0
    assert output.startswith("installing symjax_models[dev,plots] into .venv")
    assert machine.run("dev", "plots") == (0, "", "")
    assert machine.run("plots") == (0, "", "")
    assert machine.installed == [".[dev,plots]"]


def test_changed_metadata_is_installed_again(machine):
    machine.add_python("python3", "3.12.1")
    machine.run("plots")
    (machine.clone / "setup.cfg").write_text("[metadata]\nname = new\n")
    assert machine.run("plots")[0] == 0
    assert machine.installed == [".[plots]", ".[plots]"]


def test_failed_installation_is_explained_and_repeated(machine):
    machine.add_python("python3", "3.12.1")
    broken = machine.clone / "broken"
    broken.write_text("ERROR: first\nERROR: No matching distribution found for jax>=99\nnotice\n")
    code, _, error = machine.run("plots")
    assert code == 1
    assert error == (
        "error: pip could not install the package: ERROR: No matching distribution found for "
        "jax>=99 (all of it is in .venv/install.log)"
    )
    broken.write_text("NewConnectionError(...)\nERROR: No matching distribution found for jax\n")
    assert "the package index cannot be reached" in machine.run("plots")[2]
    broken.unlink()
    code, output, error = machine.run("plots")
    assert (code, error) == (0, "")
    assert "made anew" not in output
    assert machine.run("plots") == (0, "", "")


def test_interrupted_installation_is_made_anew(machine):
    machine.add_python("python3", "3.12.1")
    machine.run("plots")
    (machine.clone / ".venv" / "unfinished").touch()
    (machine.clone / ".venv" / "half").touch()
    _, output, _ = machine.run("plots")
    assert output.startswith(".venv was left unfinished and is made anew")
    assert not (machine.clone / ".venv" / "half").exists()


def test_broken_venv_is_made_anew(machine):
    machine.add_python("python3", "3.12.1")
    machine.run("plots")
    (machine.clone / ".venv" / "bin" / "python").unlink()
    assert machine.run("plots")[1].startswith(".venv has no Python that runs and is made anew")


def test_moved_venv_is_made_anew(machine):
    machine.add_python("python3", "3.12.1")
    machine.run("plots")
    before = machine.clone
    machine.clone = before.rename(machine.home / "elsewhere")
    assert machine.run("plots")[1].startswith(f".venv was made in {before} and is made anew")


def test_own_venv_is_kept(machine):
    machine.add_python("python3", "3.12.1")
    own = machine.clone / ".venv" / "bin" / "python"
    machine.add_python(own, "3.12.1")
    (own.parent / "mine").touch()
    code, output, _ = machine.run("plots")
    assert code == 0
    assert "made anew" not in output
    assert (own.parent / "mine").exists()


def test_other_explicit_python_makes_venv_anew(machine):
    machine.add_python("python3", "3.12.1")
    machine.run("plots")
    other = machine.add_python("python3.13", "3.13.0")
    _, output, _ = machine.run("plots", PYTHON=other)
    assert output.startswith(f".venv has another Python than {other} and is made anew")
    assert machine.run("plots", PYTHON=other) == (0, "", "")
