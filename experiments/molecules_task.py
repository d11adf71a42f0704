"""What the tables of molecules have in common: data, batches, potentials, losses."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import ml_collections
import numpy as np

from experiments import molecules_data
from symjax_models.data import (
    batch_plan,
    reference_energies,
    structure_graphs,
    structure_statistics,
)
from symjax_models.data.structures import Structures
from symjax_models.models import registry
from symjax_models.models.potential import Potential
from symjax_models.models.species import check_species
from symjax_models.training import energy_force_loss
from symjax_models.training.batches import SizeStrata
from symjax_models.typing import Array, PRNGKey, PyTree

_EVAL_BATCH = 20  # configurations at a time in evaluation


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A split as the training engine takes it.

    Attributes:
        store: All configurations with their neighbours.
        batches: One entry per shape.
        plan: The shapes.
    """

    store: structure_graphs.GraphStore
    batches: list[SizeStrata]
    plan: batch_plan.BatchPlan


@dataclasses.dataclass(frozen=True)
class Problem:
    """Everything that training needs.

    Attributes:
        potential: Without parameters.
        references: Energy of a free atom of every species, eV.
        train: For training.
        valid: For the choice of the parameters.
        hyperparameters: All fields of the network, as JSON values.
    """

    potential: Potential
    references: dict[int, float]
    train: Prepared
    valid: Prepared
    hyperparameters: dict[str, Any]


def make_problem(
    splits: molecules_data.Splits,
    config: ml_collections.ConfigDict,
    *,
    report: Callable[[str], None],
) -> Problem:
    """Build the potential of a config for data, and the batches.

    Args:
        splits: The data.
        config: The config.
        report: Takes lines about the data and the batches.

    Returns:
        The problem.
    """
    species = tuple(np.unique(splits.train.numbers).tolist())
    for structures in (splits.valid, *splits.tests.values()):
        check_species(structures.numbers, species)
    for line in structure_statistics.describe(splits.train).splitlines():
        report(line)
    references = splits.free_atoms
    if references is None:
        references = reference_energies.least_squares(splits.train)
    rest = reference_energies.subtract(splits.train, references)
    references = {number: references[number] for number in species}
    train = prepare(
        splits.train,
        references,
        cutoff=config.cutoff,
        batch_size=config.batch_size,
        max_compilations=config.max_compilations,
    )
    valid = prepare(splits.valid, references, cutoff=config.cutoff)
    report(f"batches: {train.plan.describe()}")
    hyperparameters = {
        "species": list(species),
        "cutoff": config.cutoff,
        "num_neighbours": round(float(train.store.num_edges.sum() / len(train.store.numbers)), 4),
        **{name: _as_list(value) for name, value in config.model.items()},
    }
    network = registry.make_model(config.row, {k: _as_tuple(v) for k, v in hyperparameters.items()})
    scale, shift = reference_energies.scale_and_shift(rest, species=species)
    potential = Potential(network, scale=scale, shift=shift)
    return Problem(potential, references, train, valid, hyperparameters)


def prepare(
    structures: Structures,
    references: dict[int, float],
    *,
    cutoff: float,
    batch_size: int | None = None,
    max_compilations: int = 4,
) -> Prepared:
    """Take the energies of free atoms off, list neighbours, plan the batches.

    Args:
        structures: The configurations.
        references: Energy of a free atom of every species, eV.
        cutoff: Largest distance of neighbours, angstrom.
        batch_size: Configurations per batch; as many as evaluation takes at a time if None.
        max_compilations: Shapes of batches at most.

    Returns:
        The prepared split.
    """
    rest = reference_energies.subtract(structures, references)
    store = structure_graphs.make_store(rest, cutoff=cutoff)
    plan = batch_plan.plan_batches(
        store.num_atoms,
        store.num_edges,
        batch_size=min(_EVAL_BATCH, len(structures)) if batch_size is None else batch_size,
        max_compilations=max_compilations,
    )
    batches = [
        SizeStrata(
            part.members,
            part.batch_size,
            functools.partial(
                structure_graphs.gather_batch, num_nodes=part.num_nodes, num_edges=part.num_edges
            ),
        )
        for part in plan.classes
    ]
    return Prepared(store, batches, plan)


def make_loss(
    potential: Potential, config: ml_collections.ConfigDict
) -> Callable[[PyTree, PyTree, PRNGKey | None], Array]:
    """Make the loss of a batch that `gather_batch` assembled, as the training engine takes it."""
    weights = energy_force_loss.LossWeights(**config.loss)

    def loss(params: PyTree, batch: Any, _: PRNGKey | None) -> Array:
        graph, labels = batch
        prediction = potential.predict(params, graph)
        return energy_force_loss.energy_force_loss(prediction, graph, labels, weights=weights)

    return loss


def init_params(problem: Problem, key: PRNGKey) -> PyTree:
    """Draw the parameters of a potential."""
    batches = problem.train.batches[0]
    graph, _ = batches.gather(problem.train.store, jnp.asarray(batches.members[:1]))
    return problem.potential.init(key, graph)


def _as_list(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
