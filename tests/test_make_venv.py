"""How the set-up script finds a Python, with interpreters that only pretend."""

import pathlib
import shutil
import subprocess

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[1] / "scripts" / "make_venv.sh"
TOOLS = ("sh", "dirname", "head", "sed", "cat", "tr", "grep", "tail", "cksum", "rm")


@pytest.fixture
def machine(tmp_path):
    """Return a machine with a shell, its tools and no Python."""
    tools = tmp_path / "tools dir"
    tools.mkdir()
    for name in TOOLS:
        (tools / name).symlink_to(shutil.which(name))
    return tmp_path


def add_python(folder, name, *, version, answer):
    """Add an interpreter that answers the script's question with `answer`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(
        "#!/bin/sh\n"
        f'if [ "$1" = --version ]; then echo "Python {version}"; else echo "{answer}"; fi\n'
    )
    path.chmod(0o755)
    return path


def find(machine, **environment):
    result = subprocess.run(
        [machine / "tools dir" / "sh", SCRIPT, "--find-python"],
        env={"PATH": str(machine / "tools dir"), "HOME": str(machine)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return result.returncode, result.stdout.strip(), result.stderr.strip()


def test_python3_comes_first(machine):
    add_python(machine / "tools dir", "python3", version="3.12.1", answer="yes")
    add_python(machine / "tools dir", "python3.14", version="3.14.0", answer="yes")
    assert find(machine) == (0, "python3", "")


def test_newest_name_follows(machine):
    add_python(machine / "tools dir", "python3", version="3.11.2", answer="")
    for minor in (12, 13):
        add_python(machine / "tools dir", f"python3.{minor}", version=f"3.{minor}.0", answer="yes")
    assert find(machine) == (0, "python3.13", "")


def test_pyenv_comes_last(machine):
    add_python(machine / "tools dir", "python3", version="3.11.2", answer="")
    for version in ("3.11.9", "3.12.1", "3.13.0"):
        answer = "" if version.startswith("3.11") else "yes"
        folder = machine / ".pyenv" / "versions" / version / "bin"
        add_python(folder, "python3", version=version, answer=answer)
    expected = machine / ".pyenv" / "versions" / "3.13.0" / "bin" / "python3"
    assert find(machine) == (0, str(expected), "")


def test_explicit_python_has_precedence(machine):
    add_python(machine / "tools dir", "python3", version="3.12.1", answer="yes")
    chosen = add_python(machine / "my pythons", "python", version="3.13.0", answer="yes")
    assert find(machine, PYTHON=str(chosen)) == (0, str(chosen), "")


def test_no_python_is_said_in_one_sentence(machine):
    code, _, error = find(machine)
    assert code == 1
    assert error == (
        "error: Python 3.12 or newer is needed and was not found (no python3 at all); install one, "
        "or set PYTHON=/path/to/python."
    )


def test_old_python_is_named(machine):
    add_python(machine / "tools dir", "python3", version="3.11.2", answer="")
    code, _, error = find(machine)
    assert code == 1
    assert "(python3 is Python 3.11.2)" in error


def test_missing_venv_module_is_said(machine):
    add_python(machine / "tools dir", "python3", version="3.12.3", answer="no-venv")
    code, _, error = find(machine)
    assert code == 1
    assert "python3 is new enough but lacks the modules venv and ensurepip" in error
    assert "apt install python3-venv" in error


def test_broken_shim_is_skipped(machine):
    shim = add_python(machine / "tools dir", "python3", version="", answer="")
    shim.write_text("#!/bin/sh\necho 'pyenv: version 3.12 is not installed' >&2\nexit 127\n")
    add_python(machine / "tools dir", "python3.12", version="3.12.1", answer="yes")
    assert find(machine) == (0, "python3.12", "")
