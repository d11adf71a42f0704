"""Data parallelism: one mesh, state replicated, batches split.

The loss is written for the global batch; `jax.jit` with these shardings makes the compiler
insert the reduction over devices. This covers several devices of one process and several
processes alike.
"""

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from symjax_models.typing import PyTree

_AXIS = "data"


def make_mesh(*, batch_size: int, num_devices: int | None = None) -> Mesh:
    """Make the mesh over which batches are split.

    Args:
        batch_size: Examples per step over all devices.
        num_devices: Devices to use. None takes as many as divide the batch evenly.

    Returns:
        A mesh with the one axis `"data"`.

    Raises:
        ValueError: If there are fewer devices, the batch does not divide among them, or a
            process would be left without a device.
    """
    devices = jax.devices()
    if num_devices is None:
        num_devices = max(n for n in range(1, len(devices) + 1) if batch_size % n == 0)
    if not 1 <= num_devices <= len(devices):
        raise ValueError(f"num_devices must be 1 to {len(devices)} here, got {num_devices}")
    if batch_size % num_devices:
        nearest = max(1, round(batch_size / num_devices)) * num_devices
        raise ValueError(
            f"batch_size {batch_size} does not divide among {num_devices} devices; the nearest "
            f"that does is {nearest}"
        )
    chosen = devices[:num_devices]
    if len({device.process_index for device in chosen}) < jax.process_count():
        raise ValueError(
            f"{num_devices} devices leave some of the {jax.process_count()} processes idle; "
            f"choose a batch_size that {len(devices)} devices divide"
        )
    return Mesh(np.array(chosen), (_AXIS,), axis_types=(AxisType.Auto,))


def replicated(mesh: Mesh) -> NamedSharding:
    """Give the sharding that keeps a whole copy on every device of the mesh."""
    return NamedSharding(mesh, PartitionSpec())


def replicate(tree: PyTree, mesh: Mesh) -> PyTree:
    """Put a whole copy of every array on every device of the mesh, of all processes.

    Args:
        tree: Pytree of arrays; in a run of several processes, the same in each.
        mesh: The mesh.

    Returns:
        The same pytree of global arrays.
    """
    target = replicated(mesh)
    return jax.tree.map(
        lambda leaf: jax.make_array_from_process_local_data(target, np.asarray(leaf)), tree
    )


def split_batch(batch: PyTree, mesh: Mesh) -> PyTree:
    """Split the leading axis of every array over the devices; use under `jax.jit`."""
    return jax.lax.with_sharding_constraint(batch, NamedSharding(mesh, PartitionSpec(_AXIS)))
