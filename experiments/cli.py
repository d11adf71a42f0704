"""What every script does at its start: read arguments, check them, set JAX up."""

import contextlib
import os
import pathlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

import jax
import ml_collections
from absl import app, flags, logging
from ml_collections import config_flags

from experiments import provenance, store
from symjax_models.suggestion import nearest_of

flags.DEFINE_string(
    "coordinator",
    None,
    "For runs of several processes: HOST:PORT of the first one, with --num_processes and "
    "--process_id; 'auto' asks the cluster (Slurm, Kubernetes, Cloud TPU, ...).",
)
flags.DEFINE_integer("num_processes", None, "Processes of the run; see --coordinator.")
flags.DEFINE_integer("process_id", None, "Number of this process, from 0; see --coordinator.")


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
        if "JAX_DEFAULT_MATMUL_PRECISION" not in os.environ:
            # The default of GPUs and TPUs rounds inputs so coarsely that equivariance suffers.
            jax.config.update("jax_default_matmul_precision", "highest")
        with plain_errors():
            join_processes()
            main()

    app.run(checked, flags_parser=_parse)


def run_command(main: Callable[[str], None], commands: Sequence[str]) -> None:
    """Run a script whose first argument says what to do.

    Args:
        main: Takes the command.
        commands: The commands there are.
    """
    command = next((argument for argument in sys.argv[1:] if not argument.startswith("-")), None)
    if command is None:
        if not {"--help", "--helpfull", "-h"} & set(sys.argv):
            _fail(ValueError(f"say what to do: {', '.join(commands)}"))
        command = commands[0]
    elif command not in commands:
        _fail(ValueError(f"unknown command {command!r}; {nearest_of(command, commands)}"))
    else:
        sys.argv.remove(command)
    run(lambda: main(command))


def run_training(
    train: Callable[..., bool], *, case_fields: Mapping[str, Sequence[str]] | None = None
) -> None:
    """Run a script that trains one row of a table, with its flags.

    Args:
        train: Takes the config, `workdir`, `overrides` and `results`, and returns whether the run
            reached its end.
        case_fields: Fields of the config that say which run of a row it is, by table: setting them
            is no override.
    """
    config_flags.DEFINE_config_file("config", None, "The config, as PATH.py:PRESET.")
    flags.DEFINE_string("workdir", None, "Folder of the run; resumed if it exists.")
    flags.DEFINE_string("results", str(store.RESULTS), "Folder of the stored rows.")
    flags.mark_flags_as_required(["config", "workdir"])

    def main() -> None:
        arguments = flags.FLAGS
        results = pathlib.Path(arguments.results)
        set_here = overrides("config")
        of_case = (case_fields or {}).get(arguments.config.table, ())
        finished = train(
            arguments.config,
            workdir=pathlib.Path(arguments.workdir),
            overrides={name: set_here[name] for name in set_here if name not in of_case},
            results=results,
        )
        if finished:
            report(f"rows: {store.path_of(arguments.config.table, results)}")

    run(main)


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Turn what a user can mend into one sentence and the end of the program.

    That is a `FloatingPointError` or `OSError`, and a `ValueError` or `ImportError` that this
    project raised itself; any other exception is a defect and keeps its traceback.
    """
    try:
        yield
    except (FloatingPointError, OSError) as error:
        _fail(error)
    except (ValueError, ImportError) as error:
        if _raised_here(error):
            _fail(error)
        raise


def join_processes() -> None:
    """Join the other processes of a run; this comes before JAX looks for devices."""
    arguments = flags.FLAGS
    if arguments.coordinator == "auto":
        jax.distributed.initialize()
    elif arguments.coordinator is not None:
        jax.distributed.initialize(
            arguments.coordinator, arguments.num_processes, arguments.process_id
        )


def report(text: str) -> None:
    """Print a line, in the first process alone."""
    if jax.process_index() == 0:
        print(text, flush=True)


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
    # A config of another script has fields that this one does not know, and lacks others.
    source = f"; this is a config of the table {config.table!r}" if "table" in config else ""
    for name in config:
        if name not in fields:
            raise ValueError(
                f"unknown config field {name!r}; {nearest_of(name, [*fields])}{source}"
            )
    for name, kind in fields.items():
        if name not in config:
            raise ValueError(f"the config lacks the field {name!r}{source}")
        if not isinstance(config[name], kind):
            raise ValueError(
                f"config field {name!r} must be of type {kind.__name__}, got {config[name]!r}"
            )
    if "seeds" in fields:
        _check_seeds("seeds", config.seeds)
    if "seed" in config.get("data", {}):
        _check_seeds("data.seed", [config.data.seed])


def _check_seeds(name: str, seeds: Sequence[int]) -> None:
    are_numbers = all(isinstance(seed, int) and seed >= 0 for seed in seeds)
    if not seeds or not are_numbers or len(set(seeds)) < len(seeds):
        raise ValueError(
            f"config field {name!r} takes whole numbers from 0, none of them twice, got {seeds!r}"
        )


def _parse(arguments: list[str]) -> list[str]:
    try:
        _check_config_path(arguments)
        rest = flags.FLAGS(arguments)
    except (KeyError, AttributeError) as error:
        _fail(_unknown_field(error, arguments) or error)
    except (flags.Error, ValueError, OSError) as error:
        _fail(error)
    if len(rest) > 1:
        _fail(ValueError(f"unexpected argument {rest[1]!r}; options are written --name=value"))
    return rest


def _unknown_field(error: BaseException, arguments: list[str]) -> ValueError | None:
    """Return what to say of an error that is nothing but the name of a config field, if it is."""
    name = _inner_text(error).strip("'")
    for argument in arguments:
        field = argument.lstrip("-").partition("=")[0].removeprefix("config.")
        if name and name == field.rpartition(".")[2]:
            return ValueError(
                f"the preset has no config field {field!r}; only what it sets can be changed"
            )
    return None


def _check_config_path(arguments: list[str]) -> None:
    for argument in arguments:
        if argument.startswith(("--config=", "-config=")):
            path = argument.partition("=")[2].partition(":")[0]
            if not pathlib.Path(path).is_file():
                files = provenance.ROOT.glob("configs/*/*.py")
                known = sorted(str(file.relative_to(provenance.ROOT)) for file in files)
                known = [name for name in known if not name.endswith(("__init__.py", "base.py"))]
                raise ValueError(f"no config file {path!r}; {nearest_of(path, known)}")


def _raised_here(error: BaseException) -> bool:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    module = "" if trace is None else trace.tb_frame.f_globals.get("__name__", "")
    return module.split(".")[0] in ("__main__", "symjax_models", "experiments", "configs")


def _fail(error: BaseException) -> NoReturn:
    # absl wraps what a config file raises; our own sentence is further down the chain.
    link: BaseException | None = error
    while link is not None and not _raised_here(link):
        link = link.__cause__ or link.__context__
    error = link or error
    text = _inner_text(error) if isinstance(error, (KeyError, AttributeError)) else str(error)
    print(f"error: {' '.join(text.split())}", file=sys.stderr)
    sys.exit(2)


def _inner_text(error: BaseException) -> str:
    """Return the text of a KeyError, or of what ml_collections makes of one: a quoted repr."""
    inner = error.args[0] if error.args else error
    while isinstance(inner, BaseException) and inner.args:
        inner = inner.args[0]
    return str(inner)


def overrides(flag: str) -> dict[str, Any]:
    """Return the config fields that the command line sets, with their values."""
    values = config_flags.get_override_values(flags.FLAGS[flag])
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in values.items()
    }


def as_json(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """Convert a config to what JSON can hold, with tuples as lists, those inside others too."""
    return {name: _as_json_value(value) for name, value in config.items()}


def _as_json_value(value: Any) -> Any:
    if isinstance(value, ml_collections.ConfigDict):
        return as_json(value)
    return [_as_json_value(entry) for entry in value] if isinstance(value, tuple) else value
