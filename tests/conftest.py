"""Settings of all tests; they must stand before JAX is imported."""

import os
import pathlib

_CACHE = pathlib.Path(__file__).resolve().parents[1] / ".cache"
os.environ |= {
    "JAX_PLATFORMS": "cpu",
    "JAX_NUM_CPU_DEVICES": "8",
    "JAX_COMPILATION_CACHE_DIR": str(_CACHE / "jax"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
    "JAX_DEFAULT_MATMUL_PRECISION": "highest",
    "SYMJAX_MODELS_CACHE": str(_CACHE / "data"),
    "MPLBACKEND": "Agg",
}
