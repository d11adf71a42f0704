"""Training: state, steps, loop, checkpoints, evaluation, data parallelism."""

from symjax_models.training.loop import LoopSettings, Outcome, train
from symjax_models.training.optimizer import OptimizerSettings, make_optimizer
from symjax_models.training.state import TrainState

__all__ = [
    "LoopSettings",
    "OptimizerSettings",
    "Outcome",
    "TrainState",
    "make_optimizer",
    "train",
]
