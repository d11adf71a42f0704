"""Settings of all tests; they must stand before JAX is imported."""

import os
import pathlib
import shutil
import tempfile

import pytest

_ROOT = pathlib.Path(__file__).resolve().parents[1]
os.environ |= {
    "JAX_PLATFORMS": "cpu",
    "JAX_NUM_CPU_DEVICES": "8",
    "JAX_COMPILATION_CACHE_DIR": str(_ROOT / ".cache" / "jax"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
    "JAX_DEFAULT_MATMUL_PRECISION": "highest",
    "MPLBACKEND": "Agg",
}
# Most of the time of the tests is the compiler's. Set to 0 to compile all of them as users do.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
# Data made by an earlier run would hide a change of the code that makes it. The workers of
# pytest-xdist inherit the folder from the process that starts them, and share what one has made.
if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["SYMJAX_MODELS_CACHE"] = tempfile.mkdtemp(prefix="symjax_models_tests_")


def pytest_unconfigure(config):
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ["SYMJAX_MODELS_CACHE"], ignore_errors=True)


@pytest.fixture
def compiled_as_users_do():
    """Compile with all optimizations in a test."""
    import jax

    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", before)
