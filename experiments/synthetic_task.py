"""The tasks of the synthetic table: their types and data, the loss and the budget."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np

from symjax_models import groups, layers, models, reps
from symjax_models.data import population_statistics, synthetic
from symjax_models.models import registry
from symjax_models.reps import Rep, RepArray
from symjax_models.suggestion import nearest_of
from symjax_models.typing import Array, PRNGKey, PyTree

TASKS = (*synthetic.TASKS, *population_statistics.TASKS)
_FLOOR_LAWS = 10_000
_SET_MODELS = ("deep_sets", "invariant_graph_network")  # they take points, not features

Examples = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class Problem:
    """A task with its types, its examples and the scale of its numbers.

    Attributes:
        rep_in: Representation of the inputs.
        rep_out: Representation of the targets.
        splits: Examples `train`, `valid` and `test`, each with `inputs` `[M, rep_in.dim]` and
            `targets` `[M, rep_out.dim]`.
        normalization: Constants that bring inputs and targets to size one.
        floor: Mean squared error of the best constant.
    """

    rep_in: Rep
    rep_out: Rep
    splits: dict[str, Examples]
    normalization: synthetic.Normalization
    floor: float

    def features(self, inputs: Array) -> RepArray:
        """Type inputs `[B, rep_in.dim]` as a model sees them."""
        return RepArray.from_flat(self.rep_in, inputs / self.normalization.input_scale)


def representations(task: str, *, set_size: int = 0) -> tuple[Rep, Rep]:
    """Return how inputs and targets of a task transform.

    Args:
        task: One of `TASKS`.
        set_size: Number of points, for tasks of sets.

    Returns:
        The representations of the inputs and of the targets.

    Raises:
        ValueError: If the task is unknown.
    """
    if task == "o5":
        group = groups.O(5)
        return 2 * reps.vector(group), reps.scalar(group)
    if task in ("inertia", "modified_inertia"):
        group = groups.O(3)
        scalar, vector = reps.scalar(group), reps.vector(group)
        return 5 * scalar + 5 * vector, vector * vector
    if task == "lorentz":
        group = groups.IndefiniteO(1, 3)
        return 4 * reps.vector(group), reps.scalar(group)
    if task in population_statistics.TASKS:
        group = groups.S(set_size)
        dimension = population_statistics.get_task(task).dimension
        return dimension * reps.vector(group), reps.scalar(group)
    raise ValueError(f"unknown config.data.task {task!r}; {nearest_of(task, sorted(TASKS))}")


def load(data: ml_collections.ConfigDict) -> Problem:
    """Make the examples that `config.data` names.

    Args:
        data: Fields `task`, `num_train`, `num_valid`, `num_test`, `seed`, `set_size`.

    Returns:
        The problem.

    Raises:
        ValueError: If the task is unknown or a number is below 1.
    """
    rep_in, rep_out = representations(data.task, set_size=data.set_size)
    if data.task in population_statistics.TASKS:
        splits = _population_splits(data)
        normalization = _standardization(splits["train"])
        floor = _population_floor(data.task)
    else:
        made = synthetic.make_dataset(
            data.task,
            num_train=data.num_train,
            num_valid=data.num_valid,
            num_test=data.num_test,
            seed=data.seed,
        )
        normalization = synthetic.make_normalization(data.task, made.train)
        floor = synthetic.constant_floor(data.task)
        splits = {
            name: {"inputs": split.inputs, "targets": split.targets}
            for name, split in (("train", made.train), ("valid", made.valid), ("test", made.test))
        }
    return Problem(rep_in, rep_out, splits, normalization, floor)


def make_model(config: ml_collections.ConfigDict) -> registry.Model:
    """Build the model of a config for its task.

    Args:
        config: The config; `architecture` is the model's name, `model` holds its fields, and
            `model_of_task` those that are other ones on some task.

    Returns:
        The module.

    Raises:
        ValueError: If the model, one of its fields, or the task is unknown.
    """
    _, rep_out = representations(config.data.task, set_size=config.data.set_size)
    fields = {**config.model, **config.model_of_task.get(config.data.task, {})}
    if config.architecture in _SET_MODELS:
        fields["features"] = rep_out.dim
    else:
        fields["rep_out"] = rep_out
    if config.residual_penalty:
        fields["soft"] = layers.Soft()
    return registry.make_model(config.architecture, fields)


def arguments(model: registry.Model, x: RepArray) -> tuple[Any, ...]:
    """Return what a model takes: the features, or for models of sets their points."""
    if isinstance(model, models.DeepSets):
        return (x.blocks[0],)
    if isinstance(model, models.InvariantGraphNetwork):
        points = x.blocks[0]
        size = points.shape[-2]
        return points, jnp.zeros((*points.shape[:-2], size, size, 0), points.dtype)
    return (x,)


def apply(model: registry.Model, params: PyTree, x: RepArray) -> Array:
    """Apply a model to typed features; all components of the output `[..., rep_out.dim]`."""
    outputs = model.apply(params, *arguments(model, x))
    return outputs.flat if isinstance(outputs, RepArray) else outputs


def init_params(problem: Problem, model: registry.Model, key: PRNGKey) -> PyTree:
    """Initialize the parameters of a model, without evaluating it."""
    example = jax.ShapeDtypeStruct((1, problem.rep_in.dim), jnp.float32)
    shapes = jax.eval_shape(lambda inputs: arguments(model, problem.features(inputs)), example)
    return model.lazy_init(key, *shapes, mutable=["params"])


def squared_errors(
    problem: Problem,
    model: registry.Model,
    params: PyTree,
    batch: Examples,
    key: PRNGKey | None,
    *,
    augment: bool,
    residual_penalty: float,
) -> Array:
    """Compute the loss of every example of a batch.

    Args:
        problem: The task.
        model: Maps features of `rep_in` to `rep_out`.
        params: Its variables.
        batch: Examples.
        key: Key of the step; None in evaluation, which has neither augmentation nor penalty.
        augment: Move every example by an element of the group of its own, `(x, y)` to
            `(rho_in(g) x, rho_out(g) y)`. That is the loss of `rho_out(g)^-1 f(rho_in(g) x)` where
            the targets are scalars or transform by orthogonal matrices, as in all tasks.
        residual_penalty: Weight of the sum of the squared residual maps, for models that have any.

    Returns:
        Means over the target's entries `[B]`, in squared raw units, with the penalty added.
    """
    x, targets = problem.features(batch["inputs"]), batch["targets"]
    if augment and key is not None:
        g = problem.rep_in.group.sample(key, x.shape)
        x = x.transform(g)
        targets = RepArray.from_flat(problem.rep_out, targets).transform(g).flat
    penalty = 0.0
    if residual_penalty and key is not None:
        typed, penalties = layers.apply_with_penalties(model, params, x)
        outputs, penalty = typed.flat, residual_penalty * penalties["residual"]
    else:
        outputs = apply(model, params, x)
    constants = problem.normalization
    predictions = constants.target_mean + constants.target_scale * outputs
    return jnp.mean(jnp.square(predictions - targets), axis=-1) + penalty


def with_budget(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """Fill in the batch size and the number of steps of a run.

    Args:
        config: The config.

    Returns:
        A copy whose `batch_size` is at most the size of the training set, with `num_steps`: the
        least of `max_epochs` epochs and `max_examples` examples, cut to whole dispatches. A
        `prior` sets the weight decay to its share of one example.
    """
    filled = config.copy_and_resolve_references()
    size, k = config.data.num_train, config.steps_per_dispatch
    filled.batch_size = min(config.batch_size, size)
    epochs = min(config.max_epochs, config.max_examples / size)
    steps = round(epochs * size / filled.batch_size)
    if config.prior:
        filled.optimizer.weight_decay = config.prior / size
    with filled.unlocked():
        filled.num_steps = max(1, steps // k) * k
    return filled


def _population_splits(data: ml_collections.ConfigDict) -> dict[str, Examples]:
    splits = {}
    for index, name in enumerate(("train", "valid", "test")):
        sets, targets = population_statistics.make_population(
            data.task,
            num_sets=data[f"num_{name}"],
            set_size=data.set_size,
            seed=3 * data.seed + index,
        )
        # Every coordinate is a copy of the permutation representation, copy after copy.
        inputs = sets.swapaxes(1, 2).reshape(len(sets), -1)
        splits[name] = {"inputs": inputs, "targets": targets[:, None]}
    return splits


def _standardization(train: Examples) -> synthetic.Normalization:
    scale = np.float32(np.sqrt(np.mean(np.square(train["inputs"], dtype=np.float64))))
    targets = train["targets"].astype(np.float64)
    return synthetic.Normalization(
        np.full(train["inputs"].shape[1], scale), float(targets.mean()), float(targets.std())
    )


@functools.lru_cache
def _population_floor(task: str) -> float:
    draw_law = population_statistics.get_task(task).draw_law
    rng = np.random.default_rng([*task.encode(), 0])
    return float(np.var([draw_law(rng)[1] for _ in range(_FLOOR_LAWS)]))
