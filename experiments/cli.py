"""What every script does at its start: read arguments, check them, set JAX up."""

import contextlib
import os
import pathlib
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

import jax
import ml_collections
from absl import app, flags, logging
from ml_collections import config_flags

from experiments import store


def run(main: Callable[[], None]) -> None:
    """Run the main function of a script.

    Mistakes in the arguments, and what a user can mend, end in one sentence on the standard
    error and exit status 2; a defect of the code still shows its traceback.

    Args:
        main: The main function; flags are parsed when it is called.
    """

    def checked(_: list[str]) -> None:
        logging.set_verbosity(logging.WARNING)  # the libraries' own news would drown ours
        keep_compiled()
        with plain_errors(FloatingPointError, OSError):
            main()

    app.run(checked, flags_parser=_parse)


@contextlib.contextmanager
def plain_errors(*kinds: type[Exception]) -> Iterator[None]:
    """Turn exceptions of these kinds into one sentence and the end of the program."""
    try:
        yield
    except kinds as error:
        _fail(error)


def keep_compiled() -> None:
    """Keep compiled programs in the user's cache folder, so that a second start is quicker."""
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    jax.config.update("jax_compilation_cache_dir", str(pathlib.Path(base, "symjax_models", "jax")))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)


def check_fields(config: ml_collections.ConfigDict, fields: Mapping[str, type]) -> None:
    """Check that a config has just the fields that a script reads.

    Args:
        config: The config.
        fields: Type of every field.

    Raises:
        ValueError: If a field is unknown (the nearest is named), missing, or of a wrong type.
    """
    for name in config:
        if name not in fields:
            raise ValueError(f"unknown config field {name!r}; {store.nearest_of(name, [*fields])}")
    for name, kind in fields.items():
        if name not in config:
            raise ValueError(f"the config lacks the field {name!r}")
        if not isinstance(config[name], kind):
            raise ValueError(
                f"config field {name!r} must be of type {kind.__name__}, got {config[name]!r}"
            )


def _parse(arguments: list[str]) -> list[str]:
    try:
        rest = flags.FLAGS(arguments)
    except (flags.Error, ValueError, KeyError, AttributeError, OSError) as error:
        _fail(error)
    if len(rest) > 1:
        _fail(ValueError(f"unexpected argument {rest[1]!r}; options are written --name=value"))
    return rest


def _fail(error: Exception) -> NoReturn:
    # The text of a KeyError is a quoted repr; its argument is the sentence.
    text = error.args[0] if isinstance(error, KeyError) and error.args else error
    print(f"error: {text}", file=sys.stderr)
    sys.exit(2)


def overrides(flag: str) -> dict[str, Any]:
    """Return the config fields that the command line sets, with their values."""
    values = config_flags.get_override_values(flags.FLAGS[flag])
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in values.items()
    }


def as_json(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """Convert a config to what JSON can hold, with tuples as lists."""
    values = {}
    for name, value in config.items():
        if isinstance(value, ml_collections.ConfigDict):
            values[name] = as_json(value)
        else:
            values[name] = list(value) if isinstance(value, tuple) else value
    return values
