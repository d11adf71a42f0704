"""Keep computed arrays on disk, so that what is read back is what was written or is refused.

A cache file is an uncompressed `.npz`. Beside the arrays it holds a header: a format version, the
constants that the arrays were computed from, and the SHA-256 of every array. Files are written
under a temporary name, flushed to the disk and renamed, so that a process that dies at any moment,
or two that write at once, leave no file that looks complete and is not.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from symjax_models import progress

FORMAT_VERSION = 1
ENVIRONMENT_VARIABLE = "SYMJAX_MODELS_CACHE"

_HEADER = "header"
# A temporary file that nobody has written to for so long belongs to a dead process.
_STALE_SECONDS = 600.0

Arrays = dict[str, np.ndarray]


class CacheError(ValueError):
    """Say in one line why a cache file cannot be used."""


def default_folder() -> pathlib.Path:
    """Return the cache folder.

    That is `$SYMJAX_MODELS_CACHE`, else `$XDG_CACHE_HOME/symjax_models`, else
    `~/.cache/symjax_models`, else a folder for temporary files if there is no home.
    """
    if chosen := os.environ.get(ENVIRONMENT_VARIABLE):
        return pathlib.Path(chosen)
    if base := os.environ.get("XDG_CACHE_HOME"):
        return pathlib.Path(base) / "symjax_models"
    try:
        return pathlib.Path.home() / ".cache" / "symjax_models"
    except RuntimeError:
        return pathlib.Path(tempfile.gettempdir()) / "symjax_models"


def file_name(stem: str, constants: Mapping[str, Any]) -> str:
    """Return the name of the file for these constants.

    >>> file_name("pendulum", {"length": 1.0})
    'pendulum-49ff9920ae1c.npz'
    """
    return f"{stem}-{hashlib.sha256(_canonical(constants).encode()).hexdigest()[:12]}.npz"


def load_or_make(
    stem: str,
    make: Callable[[], Arrays],
    *,
    constants: Mapping[str, Any],
    folder: str | os.PathLike | None = None,
    report: progress.Report | None = None,
) -> Arrays:
    """Return arrays from the cache, or make them and store them.

    A file that is damaged or made from other constants is reported and replaced. A folder that
    cannot be written to is reported, before the work and after it, and costs nothing but the
    storing: the arrays are returned all the same.

    Args:
      stem: First part of the file name.
      make: Computes the arrays.
      constants: Everything that decides the arrays; JSON types, tuples count as lists.
      folder: Folder of the cache; None takes `default_folder`.
      report: Takes each warning line; None writes to standard error.

    Returns:
      The arrays by name.
    """
    folder = default_folder() if folder is None else pathlib.Path(folder)
    path = folder / file_name(stem, constants)
    _remove_stale(folder)
    try:
        return read(path, constants=constants)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (CacheError, OSError) as error:
        progress.tell(f"cache: {error}; making it again", report=report)
    advice = f"let {ENVIRONMENT_VARIABLE} name a folder with room that you may write to"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        text = (
            f"cache: cannot write in {folder} ({error.strerror or error}), so nothing will be kept"
        )
        progress.tell(f"{text}; {advice}", report=report)
        return make()
    arrays = make()
    try:
        write(path, arrays, constants=constants)
    except OSError as error:
        text = f"cache: could not store {path} ({error.strerror or error})"
        progress.tell(f"{text}; going on with the data in memory; {advice}", report=report)
    return arrays


def read(path: str | os.PathLike, *, constants: Mapping[str, Any]) -> Arrays:
    """Return the arrays of a cache file after checking every byte of them.

    Args:
      path: The file.
      constants: What the arrays must have been computed from.

    Returns:
      The arrays by name.

    Raises:
      FileNotFoundError: If there is no such file.
      CacheError: If the file is damaged or was made from other constants.
    """
    with open(path, "rb") as file:
        try:
            header, arrays = _parse(file)
        # A damaged file can make zip and array readers raise nearly anything.
        except Exception as error:
            text = f"{path} is damaged or incomplete ({type(error).__name__})"
            raise CacheError(text) from error
    if header["format"] != FORMAT_VERSION:
        raise CacheError(f"{path} has format {header['format']}, expected {FORMAT_VERSION}")
    if _canonical(header["constants"]) != _canonical(constants):
        raise CacheError(f"{path} was made from other constants")
    if header["sha256"] != {name: _digest(array) for name, array in arrays.items()}:
        raise CacheError(f"{path} is altered: its contents do not have the checksum it states")
    return arrays


def write(
    path: str | os.PathLike, arrays: Mapping[str, np.ndarray], *, constants: Mapping[str, Any]
) -> None:
    """Store arrays so that the file appears complete or not at all.

    Args:
      path: The file; an existing one is replaced.
      arrays: The arrays by name, of plain numbers.
      constants: What they were computed from.

    Raises:
      ValueError: If an array holds Python objects, or is named `header`.
      OSError: If the disk is full or the folder cannot be written to.
    """
    path = pathlib.Path(path)
    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    for name, array in arrays.items():
        if array.dtype.hasobject or name == _HEADER:
            raise ValueError(f"expected plain arrays not named {_HEADER!r}, got {name!r}")
    header = {
        "format": FORMAT_VERSION,
        "constants": constants,
        "sha256": {name: _digest(array) for name, array in arrays.items()},
    }
    encoded = np.frombuffer(_canonical(header).encode(), dtype=np.uint8)
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with open(temporary, "xb") as file:
            np.savez(file, allow_pickle=False, **{_HEADER: encoded}, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _flush_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _parse(file) -> tuple[dict[str, Any], Arrays]:
    with np.load(file, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    header = json.loads(arrays.pop(_HEADER).tobytes())
    # Any JSON is valid here: take out what the caller relies on.
    return {field: header[field] for field in ("format", "constants", "sha256")}, arrays


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _digest(array: np.ndarray) -> str:
    """Return the SHA-256 of an array's type, shape and bytes."""
    digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    digest.update(np.asarray(array, order="C"))
    return digest.hexdigest()


def _flush_folder(folder: pathlib.Path) -> None:
    """Make a rename survive a power cut, where the system lets a folder be flushed."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove_stale(folder: pathlib.Path) -> None:
    """Remove what dead writers left; a live writer's file is too young."""
    for temporary in folder.glob("*.npz.*.tmp"):
        # Another process may remove it first, or own it.
        with contextlib.suppress(OSError):
            if time.time() - temporary.stat().st_mtime > _STALE_SECONDS:
                temporary.unlink()
