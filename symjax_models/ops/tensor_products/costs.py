"""What each backend of a tensor product computes and stores, counted from its paths."""

import dataclasses

import numpy as np

from symjax_models.ops.tensor_products.paths import Path, by_pair
from symjax_models.reps.rotation import clebsch_gordan


@dataclasses.dataclass(frozen=True)
class Cost:
    """Count for one backend, per entry of the batch.

    Args:
        multiplications: Per channel; what all channels share is divided among them.
        numbers: Numbers in the arrays between input and output, of all channels.
    """

    multiplications: int
    numbers: int


def count_costs(paths: tuple[Path, ...], *, num_channels: int) -> dict[str, Cost]:
    """Count the multiplications and the intermediate numbers of every backend.

    Args:
        paths: The paths of the product.
        num_channels: C.

    Returns:
        The cost by name of the backend.
    """
    return {
        "dense": _dense(paths, num_channels),
        "sparse": _sparse(paths, num_channels),
        "so2": _so2(paths, num_channels),
    }


def _dense(paths: tuple[Path, ...], num_channels: int) -> Cost:
    sizes = np.array([path.degrees for path in paths]) * 2 + 1
    matrices, outputs = int((sizes[:, 0] * sizes[:, 2]).sum()), int(sizes[:, 2].sum())
    shared = int(sizes.prod(axis=1).sum())
    per_channel = matrices + outputs + -(-shared // num_channels)
    return Cost(per_channel, matrices + outputs * num_channels)


def _sparse(paths: tuple[Path, ...], num_channels: int) -> Cost:
    terms = sum(int(np.count_nonzero(clebsch_gordan(*path.degrees))) for path in paths)
    return Cost(2 * terms + -(-terms // num_channels), terms * (num_channels + 1))


def _so2(paths: tuple[Path, ...], num_channels: int) -> Cost:
    inputs = {path.index1: 2 * path.degrees[0] + 1 for path in paths}
    outputs = {path.index_out: 2 * path.degrees[2] + 1 for path in paths}
    rows = [*inputs.values(), *outputs.values()]
    rotations = sum(size * size for size in rows)
    smaller = {path.pair: min(path.degrees[0], path.degrees[2]) for path in paths}
    gains = sum(smaller[path.pair] + 1 for path in paths)
    products = sum(2 * smaller[pair] + 1 for pair in by_pair(paths))
    max_degree = (max(rows) - 1) // 2
    entries = sum((2 * l + 1) ** 2 for l in range(max_degree + 1))
    # Of two factors of two products each, sums of 2 L + 1 waves.
    frames = 4 * entries * (2 * max_degree + 1) + 2 * entries
    numbers = entries + sum(rows) * num_channels
    return Cost(rotations + gains + products + -(-frames // num_channels), numbers)
