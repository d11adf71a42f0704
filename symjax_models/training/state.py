"""The train state: everything that a checkpoint holds."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import optax
from flax import struct

from symjax_models.typing import Array, PRNGKey, PyTree

# Names of the random streams of a run; each is folded into the key of the seed.
_STREAMS = {"init": 0, "order": 1, "step": 2}


@struct.dataclass
class TrainState:
    """State of one run, or of S runs with one more leading axis on every leaf.

    Attributes:
        seed: Seed of the run; all randomness is a function of (seed, step).
        step: Number of steps done.
        params: Parameters.
        opt_state: State of the optimizer.
        ema: Exponential moving average of the parameters; None when it is off.
        best_params: Parameters with the lowest validation loss so far.
        best_loss: That loss; infinity before the first evaluation.
        best_step: The step it was reached at.
    """

    seed: Array
    step: Array
    params: PyTree
    opt_state: optax.OptState
    ema: PyTree | None
    best_params: PyTree
    best_loss: Array
    best_step: Array

    @property
    def eval_params(self) -> PyTree:
        """The parameters to evaluate: the moving average where there is one."""
        return self.params if self.ema is None else self.ema


def stream_key(seed: Array, stream: str) -> PRNGKey:
    """Derive the key of a named random stream.

    Args:
        seed: Seed of the run, an integer.
        stream: `"init"`, `"order"` (of the data) or `"step"`.

    Returns:
        A typed key.
    """
    return jax.random.fold_in(jax.random.key(seed), _STREAMS[stream])


def make_states(
    init: Callable[[PRNGKey], PyTree],
    optimizer: optax.GradientTransformation,
    *,
    seeds: Sequence[int],
    use_ema: bool,
) -> TrainState:
    """Initialize the states of several runs at once.

    Args:
        init: Maps a key to parameters.
        optimizer: The optimizer.
        seeds: One seed per run, S of them.
        use_ema: Whether to carry a moving average.

    Returns:
        A `TrainState` whose leaves have the leading axis S.
    """

    def make_state(seed: Array) -> TrainState:
        params = init(stream_key(seed, "init"))
        return TrainState(
            seed=seed,
            step=jnp.zeros((), jnp.int32),
            params=params,
            opt_state=optimizer.init(params),
            # Copies: the state is donated, and a buffer can be donated only once.
            ema=jax.tree.map(jnp.copy, params) if use_ema else None,
            best_params=jax.tree.map(jnp.copy, params),
            # With a dtype of its own: a weak type would change in the first step and trace again.
            best_loss=jnp.full((), jnp.inf, jnp.result_type(float)),
            best_step=jnp.zeros((), jnp.int32),
        )

    # It runs once, and optimizing the many random draws would take longer than training does.
    options = {"xla_backend_optimization_level": 0}
    compiled = jax.jit(jax.vmap(make_state), compiler_options=options)
    return compiled(jnp.asarray(seeds, jnp.uint32))
