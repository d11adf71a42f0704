"""What trained potentials predict, how far it is off, and pictures of both."""

import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments import figures
from experiments.molecules_task import Prepared
from symjax_models.models.potential import Potential
from symjax_models.training.batches import SizeStrata
from symjax_models.typing import Array, PyTree


def predict(potential: Potential, params: PyTree, prepared: Prepared) -> dict[str, np.ndarray]:
    """Predict energies and forces of all configurations.

    Args:
        potential: The potential.
        params: Its parameters.
        prepared: F configurations of A atoms in all.

    Returns:
        `energies` `[F]`, eV, without the energies of free atoms, `forces` `[A, 3]`, eV/angstrom,
        and in periodic cells `stresses` `[F, 3, 3]`, eV/angstrom^3; all float64.
    """
    starts, counts = prepared.store.atom_starts, prepared.store.num_atoms
    found = {
        "energies": np.full(len(counts), np.nan),
        "forces": np.full((len(prepared.store.numbers), 3), np.nan),
    }
    if prepared.store.cells is not None:
        found["stresses"] = np.full((len(counts), 3, 3), np.nan)
    store = jax.device_put(prepared.store)
    for batches in prepared.batches:

        @jax.jit
        def evaluate(params: PyTree, store: Any, indices: Array, batches: SizeStrata = batches):
            graph, _ = batches.gather(store, indices)
            return potential.predict(params, graph)

        for indices in batches.every_example():
            prediction = jax.device_get(evaluate(params, store, jnp.asarray(indices)))
            real = indices[indices >= 0]
            found["energies"][real] = prediction.energies[indices >= 0]
            if "stresses" in found:
                found["stresses"][real] = prediction.stresses[indices >= 0]
            # Atoms of a batch stand configuration by configuration, padding behind them.
            atoms = np.concatenate([np.arange(starts[i], starts[i] + counts[i]) for i in real])
            found["forces"][atoms] = prediction.forces[: len(atoms)]
    return found


def measure(predicted: Mapping[str, np.ndarray], prepared: Prepared) -> dict[str, float]:
    """Measure the errors of predictions.

    Args:
        predicted: What `predict` returned.
        prepared: Configurations with their labels.

    Returns:
        Mean absolute and root mean square errors, `energy_mae`, `energy_rmse` (meV per
        configuration), `force_mae`, `force_rmse` (meV/angstrom, over components), `stress_mae`,
        `stress_rmse` (meV/angstrom^3, over components), and a standard error, `energy_mae_se`.
        What has no labels is left out.
    """
    labels = prepared.store.labels
    energy = 1e3 * (predicted["energies"] - labels["energies"])
    metrics = {
        "energy_mae": float(np.abs(energy).mean()),
        "energy_mae_se": float(np.abs(energy).std() / np.sqrt(len(energy))),
        "energy_rmse": float(np.sqrt(np.square(energy).mean())),
    }
    for name, short in (("forces", "force"), ("stresses", "stress")):
        if name in labels:
            error = 1e3 * (predicted[name] - labels[name])
            metrics[f"{short}_mae"] = float(np.abs(error).mean())
            metrics[f"{short}_rmse"] = float(np.sqrt(np.square(error).mean()))
    return metrics


def plot(predicted: Mapping[str, np.ndarray], prepared: Prepared, path: pathlib.Path) -> None:
    """Draw predicted against reference energies, forces and stresses, and their errors.

    Args:
        predicted: What `predict` returned.
        prepared: Configurations with their labels.
        path: Where the picture goes.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    labels = prepared.store.labels
    # Energies per atom, from the mean of the reference: configurations of all sizes in one picture.
    reference, found = (1e3 * x["energies"] / prepared.store.num_atoms for x in (labels, predicted))
    centre = reference.mean()
    panels = [("energy less the reference's mean (meV/atom)", reference - centre, found - centre)]
    for name, title, factor in (
        ("forces", "force component (eV/Å)", 1.0),
        ("stresses", "stress component (meV/Å³)", 1e3),
    ):
        if name in labels:
            pair = (factor * x[name].ravel() for x in (labels, predicted))
            panels.append((title, *pair))
    figure, rows = figures.new_figure(
        columns=2, rows=len(panels), width=8.0, height=3.6 * len(panels)
    )
    for (name, reference, values), (scatter, spread) in zip(panels, rows, strict=True):
        ends = [reference.min(), reference.max()]
        scatter.plot(ends, ends, color=figures.PALETTE[6], linewidth=0.8)
        scatter.plot(
            reference, values, ".", color=figures.PALETTE[0], markersize=2, alpha=0.5,
            rasterized=True,
        )  # fmt: skip
        scatter.set(xlabel=f"reference {name}", ylabel=f"predicted {name}")
        scatter.xaxis.label.set_fontsize(8)
        scatter.yaxis.label.set_fontsize(8)
        spread.hist(values - reference, bins=60, color=figures.PALETTE[0])
        spread.set(xlabel=f"error: {name}", ylabel="count", yscale="log")
        spread.xaxis.label.set_fontsize(8)
    figure.savefig(path)
