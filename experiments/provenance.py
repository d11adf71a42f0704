"""Where a number comes from: the code, the libraries and the machine."""

import functools
import hashlib
import importlib.metadata
import pathlib
import platform
import subprocess

import jax

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Files that can change a number; results and documentation cannot.
_SOURCES = ("symjax_models", "experiments", "configs", "setup.cfg")
_LIBRARIES = ("symjax_models", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")


@functools.cache
def revision() -> str:
    """Identify the code.

    Returns:
        The commit, with `+` and a hash of the sources behind it if they differ from the commit;
        outside a git checkout, `source-` and the hash.
    """
    try:
        commit = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--", *_SOURCES, ":(exclude)experiments/results")
    except (OSError, subprocess.CalledProcessError):
        return f"source-{_hash_sources()}"
    return f"{commit}+{_hash_sources()}" if changed else commit


def versions() -> dict[str, str]:
    """List the versions of Python and of the libraries that decide the numbers."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def hardware() -> str:
    """Name the devices, such as `2 x AMD EPYC (cpu)`, without naming the machine."""
    device = jax.devices()[0]
    if device.platform == "cpu":
        return f"{_cpu_count()} x {_cpu_name()} (cpu)"
    return f"{jax.device_count()} x {device.device_kind} ({device.platform})"


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _hash_sources() -> str:
    digest = hashlib.sha256()
    for source in _SOURCES:
        path = ROOT / source
        for file in (
            sorted(path.rglob("*.py")) if path.is_dir() else [path] if path.exists() else []
        ):
            digest.update(str(file.relative_to(ROOT)).encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _cpu_count() -> int:
    import os

    return os.process_cpu_count() if hasattr(os, "process_cpu_count") else os.cpu_count()


def _cpu_name() -> str:
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
