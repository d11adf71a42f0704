"""Optimizers and learning rate schedules."""

import dataclasses

import optax

_OPTIMIZERS = ("adam", "adamw", "sgd")
_MOMENTUM = 0.9
_SCHEDULES = ("constant", "cosine")


@dataclasses.dataclass(frozen=True)
class OptimizerSettings:
    """What `make_optimizer` builds.

    Attributes:
        name: `"adam"` (weight decay is added to the gradient, as in PyTorch's Adam, which the
            published n-body runs use), `"adamw"` (weight decay is decoupled) or `"sgd"` (momentum
            .9, weight decay added to the gradient; the published runs on point clouds).
        learning_rate: Peak rate.
        schedule: `"constant"` or `"cosine"` (to zero at the last step), after the warm-up.
        warmup_steps: Steps of linear growth from zero.
        weight_decay: Strength of the decay.
        clip_norm: Bound on the global norm of the gradient; None leaves it alone.
        ema_decay: Decay of the moving average of the parameters; None for no average.
    """

    name: str = "adam"
    learning_rate: float = 1e-3
    schedule: str = "constant"
    warmup_steps: int = 0
    weight_decay: float = 0.0
    clip_norm: float | None = None
    ema_decay: float | None = None

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            ValueError: If a name is unknown or a number is out of its range.
        """
        for field, value, known in (
            ("name", self.name, _OPTIMIZERS),
            ("schedule", self.schedule, _SCHEDULES),
        ):
            if value not in known:
                raise ValueError(f"optimizer.{field} must be one of {known}, got {value!r}")
        for field in ("learning_rate", "weight_decay", "warmup_steps"):
            if getattr(self, field) < 0:
                raise ValueError(f"optimizer.{field} must be >= 0, got {getattr(self, field)}")
        if self.clip_norm is not None and self.clip_norm <= 0:
            raise ValueError(f"optimizer.clip_norm must be > 0 or None, got {self.clip_norm}")
        if self.ema_decay is not None and not 0 < self.ema_decay < 1:
            raise ValueError(f"optimizer.ema_decay must be in (0, 1) or None, got {self.ema_decay}")


def make_optimizer(
    settings: OptimizerSettings, *, num_steps: int
) -> tuple[optax.GradientTransformation, optax.Schedule]:
    """Build the gradient transformation and its learning rate as a function of the step.

    Args:
        settings: What to build.
        num_steps: Length of the run, which the schedule spans.

    Returns:
        The transformation and the schedule.

    Raises:
        ValueError: If the warm-up is longer than the run.
    """
    if settings.warmup_steps >= max(num_steps, 1):
        raise ValueError(
            f"optimizer.warmup_steps ({settings.warmup_steps}) must be below "
            f"num_steps ({num_steps})"
        )
    remaining = num_steps - settings.warmup_steps
    schedule = (
        optax.constant_schedule(settings.learning_rate)
        if settings.schedule == "constant"
        else optax.cosine_decay_schedule(settings.learning_rate, remaining)
    )
    if settings.warmup_steps:
        ramp = optax.linear_schedule(0.0, settings.learning_rate, settings.warmup_steps)
        schedule = optax.join_schedules([ramp, schedule], [settings.warmup_steps])

    parts = []
    if settings.clip_norm is not None:
        parts.append(optax.clip_by_global_norm(settings.clip_norm))
    decay = optax.add_decayed_weights(settings.weight_decay) if settings.weight_decay else None
    if decay is not None and settings.name != "adamw":
        parts.append(decay)
    is_sgd = settings.name == "sgd"
    parts.append(optax.trace(_MOMENTUM) if is_sgd else optax.scale_by_adam())
    if decay is not None and settings.name == "adamw":
        parts.append(decay)
    parts.append(optax.scale_by_learning_rate(schedule))
    return optax.chain(*parts), schedule
