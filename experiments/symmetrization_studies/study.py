"""What a study of the symmetrization table is made of."""

import dataclasses
from collections.abc import Callable
from typing import Any

from symjax_models.training import step
from symjax_models.typing import PRNGKey, PyTree


@dataclasses.dataclass(frozen=True, eq=False)
class Training:
    """Say what a study trains.

    Attributes:
        init: Makes the parameters from a key.
        loss: Loss of every example of a batch.
        train: Training examples.
        valid: Validation examples.
    """

    init: Callable[[PRNGKey], PyTree]
    loss: step.Loss
    train: PyTree
    valid: PyTree


@dataclasses.dataclass(frozen=True, eq=False)
class Study:
    """Say what one method of a study does.

    Attributes:
        measure: Takes the best parameters of all seeds, stacked (None without training), and a
            function that reports sentences; returns the metrics of every seed.
        shown: Names of the metrics that the report of a run shows.
        training: What is trained; None for untrained networks.
        params: Number of parameters of an untrained network; 0 where they are counted.
    """

    measure: Callable[[PyTree | None, Callable[[str], None]], list[dict[str, Any]]]
    shown: tuple[str, ...]
    training: Training | None = None
    params: int = 0
