"""Checkpoints of the train state, through orbax."""

import contextlib
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp

from symjax_models.training.state import TrainState


class Checkpoints:
    """The checkpoints of one run, in one folder; use as a context manager.

    The number of a checkpoint is the number of steps done. Writing happens in the background
    and a checkpoint gets its name only when it is complete, so a killed run leaves no broken
    one. Two are kept.

    Args:
        directory: Folder of the checkpoints; made if it does not exist.
        report: Called with a sentence when a checkpoint cannot be read.
    """

    def __init__(
        self, directory: str | os.PathLike[str], *, report: Callable[[str], None] = print
    ) -> None:
        self._report = report
        self._directory = pathlib.Path(directory).absolute()
        self._manager = ocp.CheckpointManager(
            self._directory,
            options=ocp.CheckpointManagerOptions(max_to_keep=2, create=True),
            item_names=("state",),
        )

    def __enter__(self) -> "Checkpoints":
        """Return the checkpoints."""
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        """Wait for what is being written, and close."""
        if error is None:
            with self._explained():
                self._manager.close()
        else:  # whatever closing finds is less to the point than the error at hand
            with contextlib.suppress(OSError, ValueError):
                self._manager.close()

    def save(self, step: int, state: TrainState) -> None:
        """Write a checkpoint in the background; nothing happens if `step` is written already.

        Args:
            step: Number of steps done.
            state: The train state; it may be donated as soon as this returns.

        Raises:
            OSError: If the folder cannot be written or the disk is full.
        """
        if step in self._manager.all_steps():
            return
        # Asked beforehand: a write that fails in the background floods the screen.
        needed = 2 * sum(leaf.nbytes for leaf in jax.tree.leaves(state))
        free = shutil.disk_usage(self._directory).free
        if free < needed:
            raise self._failure(f"{needed:,} bytes are needed and {free:,} are free on the disk")
        # The copy is the manager's own: the caller's buffers are about to be donated.
        copy = jax.tree.map(jnp.copy, state)
        with self._explained():
            self._manager.save(step, args=ocp.args.Composite(state=ocp.args.StandardSave(copy)))

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        # A write fails in the background, as an OSError or as tensorstore's ValueError, and comes
        # up at the next call.
        try:
            yield
        except (OSError, ValueError) as error:
            text = str(error)
            if isinstance(error, ValueError) and "os_error_code" not in text:
                raise
            reason = "the disk is full" if "No space left" in text else text.splitlines()[0]
            raise self._failure(reason) from error

    def _failure(self, reason: str) -> OSError:
        return OSError(
            f"a checkpoint could not be written to {self._directory}: {reason}; earlier ones are "
            "untouched, so mend this and run the same command to go on from there"
        )

    def restore_latest(self, like: TrainState) -> TrainState | None:
        """Read the newest readable checkpoint.

        Args:
            like: A state with the structure, shapes and shardings to restore to.

        Returns:
            The state, or None if there is no checkpoint. A checkpoint that cannot be read is
            reported and the one before it is taken.
        """
        abstract = jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding), like
        )
        for step in sorted(self._manager.all_steps(), reverse=True):
            try:
                restored = self._manager.restore(
                    step, args=ocp.args.Composite(state=ocp.args.StandardRestore(abstract))
                )
            except (ValueError, OSError, KeyError) as error:
                first_line = (str(error).splitlines() or [type(error).__name__])[0]
                self._report(
                    f"checkpoint {step} in {self._directory} cannot be read ({first_line}); "
                    "it is deleted and an earlier one is used"
                )
                self._manager.delete(step)
                continue
            return restored["state"]
        return None
