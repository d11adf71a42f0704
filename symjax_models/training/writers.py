"""Where the numbers of a run go: a file of JSON lines, and TensorBoard if asked for."""

import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any


class MetricsWriter:
    """Append one JSON line per report to `metrics.jsonl` in a folder.

    Args:
        directory: Folder of the run.
        resume_step: Lines of later steps, and a half-written last line, are dropped: they
            belong to a part of the run that will be run again.
        tensorboard: Write scalars for TensorBoard too.
        is_silent: Write nothing (all processes of a run but the first).

    Raises:
        ImportError: If `tensorboard` is asked for and tensorboardX is not installed.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        resume_step: int = 0,
        tensorboard: bool = False,
        is_silent: bool = False,
    ) -> None:
        folder = pathlib.Path(directory)
        self._path = folder / "metrics.jsonl"
        self.records = [r for r in read_metrics(folder) if r["step"] <= resume_step]
        self._is_silent, self._summary = is_silent, None
        if is_silent:
            return
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text("".join(json.dumps(record) + "\n" for record in self.records))
        os.replace(temporary, self._path)
        if tensorboard:
            self._summary = _make_summary_writer(folder, resume_step)

    def write(self, step: int, values: Mapping[str, Any]) -> None:
        """Append the values of one step.

        Args:
            step: Number of steps done.
            values: Numbers, or lists of one number per seed.
        """
        record = {"step": step, **values}
        self.records.append(record)
        if self._is_silent:
            return
        with self._path.open("a") as file:
            file.write(json.dumps(record) + "\n")
        if self._summary is not None:
            for name, value in values.items():
                for index, number in enumerate(value if isinstance(value, list) else [value]):
                    suffix = f"/seed_{index}" if isinstance(value, list) else ""
                    self._summary.add_scalar(name + suffix, number, step)
            self._summary.flush()


def read_metrics(directory: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Read the lines of `metrics.jsonl`, without a half-written last one.

    Args:
        directory: Folder of the run.

    Returns:
        One dict per line; empty if there is no file.
    """
    path = pathlib.Path(directory) / "metrics.jsonl"
    if not path.exists():
        return []
    records = []
    for line in path.read_text().splitlines():
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            break  # a killed run left it half-written; whatever follows is not in order
    return records


def _make_summary_writer(folder: pathlib.Path, resume_step: int) -> Any:
    try:
        from tensorboardX import SummaryWriter  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ImportError(
            "config.tensorboard needs tensorboardX: pip install 'symjax_models[tensorboard]'"
        ) from error
    return SummaryWriter(str(folder / "tensorboard"), purge_step=resume_step)
