"""Losses and errors of energies, forces and stresses, one number per configuration."""

import dataclasses
from collections.abc import Mapping

import jax.numpy as jnp

from symjax_models.models.potential import Prediction
from symjax_models.ops import pooling, safe
from symjax_models.ops.graph import Graph
from symjax_models.typing import Array


@dataclasses.dataclass(frozen=True)
class LossWeights:
    """Weights of a sum of mean squared errors.

    Attributes:
        energy: Of the squared error of energies, eV^2.
        forces: Of the mean over components of squared errors of forces, (eV/angstrom)^2.
        stress: Of the mean over components of squared errors of stresses, (eV/angstrom^3)^2.
        per_atom: Divide errors of energies by the number of atoms first.
    """

    energy: float = 1.0
    forces: float = 1.0
    stress: float = 0.0
    per_atom: bool = True


def energy_force_loss(
    prediction: Prediction, graph: Graph, labels: Mapping[str, Array], *, weights: LossWeights
) -> Array:
    """Weigh the squared errors of a batch.

    Its mean over the batch is `w_E mean_g (dE_g / N_g)^2 + w_F mean_(i,a) dF_ia^2 + w_S mean_(g,ab)
    dS_gab^2`, where forces are averaged over all atoms of the batch alike.

    Args:
        prediction: Of a potential.
        graph: The batch, with G configurations.
        labels: `energies` `[G]` without reference energies, eV, and what else has a weight:
            `forces` `[N, 3]`, `stresses` `[G, 3, 3]`.
        weights: The weights.

    Returns:
        `[G]`; zero for graphs without atoms. In forces a configuration counts by its share of the
        atoms of the batch, so that of one configuration depends on the others if sizes differ.

    Raises:
        ValueError: If labels with a weight are missing, or stresses are not predicted.

    Source: Batatia et al. 2022, arXiv:2206.07697, appendix (weighted energies per atom, forces);
        Batzner et al. 2022, arXiv:2101.03164, and with `per_atom=False` Schuett et al. 2021,
        arXiv:2102.03150, weigh likewise.
    """
    of_labels = {
        "energies": weights.energy, "forces": weights.forces, "stresses": weights.stress
    }  # fmt: skip
    for name, weight in of_labels.items():
        if weight and name not in labels:
            raise ValueError(f"a loss with weight {weight} of {name} needs labels of them")
    count = graph.n_node.astype(prediction.energies.dtype)
    loss = jnp.zeros_like(prediction.energies)
    if weights.energy:
        error = prediction.energies - labels["energies"]
        error = safe.divide(error, count) if weights.per_atom else jnp.where(count > 0, error, 0)
        loss += weights.energy * jnp.square(error)
    if weights.forces:
        squares = pooling.pool_nodes(
            graph, jnp.mean(jnp.square(prediction.forces - labels["forces"]), axis=-1), how="sum"
        )
        # Configurations of a batch share its atoms, so that every atom counts alike.
        num_graphs = jnp.sum(count > 0)
        loss += weights.forces * safe.divide(squares * num_graphs, jnp.sum(count))
    if weights.stress:
        if prediction.stresses is None:
            raise ValueError("a loss of stresses needs configurations with periodic cells")
        error = jnp.mean(jnp.square(prediction.stresses - labels["stresses"]), axis=(1, 2))
        loss += weights.stress * jnp.where(count > 0, error, 0)
    return loss
