"""MACE in mlip, Apache 2.0 (`pip install .[bench]`); imported inside functions only."""

import importlib.metadata
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks.potential_setting import (
    ENERGY_WEIGHT,
    FORCE_WEIGHT,
    Case,
    Frames,
    Side,
    evaluate_by,
    num_neighbours,
)
from symjax_models.typing import Array, PyTree

_EDGE_ROOM = 1.25  # its own default


def make_mlip(case: Case, frames: Frames) -> Side:
    """Build mlip's MACE with its loss.

    Equal to ours are layers, channels, degrees, correlation, radial functions and their network,
    readouts, the residual term in every layer, and the weights of energies per atom and forces. It
    differs in what it has more: a matrix for every path of a convolution where we have one for
    every irrep, and a generating set of the polynomials where we have a basis (26 for 8 to
    vectors, and 15 for 9 to scalars, at degree 2 and correlation 3); and in what it has not:
    biases.

    Args:
        case: The sizes.
        frames: The frames.

    Returns:
        Its side.

    Raises:
        ImportError: If mlip is missing.
    """
    from mlip.data.chemical_system import ChemicalSystem
    from mlip.data.helpers.dynamically_batch import dynamically_batch
    from mlip.graph import Graph
    from mlip.models.loss import MSELoss

    force_field = make_force_field(case, frames)
    graphs = [
        Graph.from_chemical_system(
            ChemicalSystem(
                atomic_numbers=frames.molecule.numbers, positions=x, energy=float(e), forces=f
            ),
            case.cutoff,
        )
        for x, e, f in zip(frames.positions, frames.energies, frames.forces, strict=True)
    ]
    nodes, edges = frames.slots
    [graph] = dynamically_batch(graphs, n_node=nodes, n_edge=edges, n_graph=len(graphs) + 1)
    criterion = MSELoss(
        energy_weight_schedule=lambda _: ENERGY_WEIGHT,
        forces_weight_schedule=lambda _: FORCE_WEIGHT,
        stress_weight_schedule=lambda _: 0.0,
    )

    def loss(params: PyTree, graph: Any) -> Array:
        return criterion(force_field.predictor.apply(params, graph), graph, 0)[0]

    evaluate = evaluate_by(make_calculator(force_field, frames), frames)
    return Side(name(), force_field.params, jax.tree.map(jnp.asarray, graph), loss, evaluate)


def make_force_field(case: Case, frames: Frames, *, scale: float = 1.0) -> Any:
    """Build an untrained `mlip.models.ForceField`.

    Args:
        case: The sizes.
        frames: Whose species it knows.
        scale: Multiplies energies, through the last matrix of every readout.

    Returns:
        The force field.

    Raises:
        ValueError: If it is not one matrix for every layer that would be scaled.
    """
    from mlip.data.dataset_info import DatasetInfo
    from mlip.models import ForceField, Mace

    info = DatasetInfo(
        atomic_energies_map=dict.fromkeys(frames.species, 0.0),
        graph_cutoff_angstrom=case.cutoff,
        avg_num_neighbors=num_neighbours(frames),
    )
    config = Mace.Config(
        num_layers=case.num_layers,
        num_channels=case.num_channels,
        l_max=case.max_degree,
        node_symmetry=case.hidden_degree,
        correlation=case.correlation,
        num_rbf=case.num_radial,
        residual_connection_first_layer=True,
    )
    made = ForceField.from_mlip_network(Mace(config, info))
    params = _scale_readouts(made.params, scale, num_layers=case.num_layers)
    return ForceField(made.predictor, params)


def _scale_readouts(params: PyTree, scale: float, *, num_layers: int) -> PyTree:
    """Scale the last matrix of every readout, which have no biases; the last readout has two."""
    last = {f"layers_{index}": "Linear_0" for index in range(num_layers - 1)}
    last[f"layers_{num_layers - 1}"] = "Linear_1"
    matrices = set()

    def scaled(path: tuple[Any, ...], leaf: Array) -> Array:
        keys = [str(key.key) for key in path]
        layer = next((last[key] for key in keys if key in last), None)
        if "readout_block" not in keys or layer not in keys:
            return leaf
        # A matrix has a leaf for every irrep.
        matrices.add("/".join(keys[:-1]))
        return scale * leaf

    result = jax.tree_util.tree_map_with_path(scaled, params)
    if len(matrices) != num_layers:
        raise ValueError(
            f"expected to scale {num_layers} matrices of readouts, one for each layer, but their "
            f"names fit {sorted(matrices)}; this version of mlip names parameters otherwise"
        )
    return result


def make_calculator(force_field: Any, frames: Frames) -> Any:
    """Make mlip's calculator of ASE, with the room for edges that its engine takes."""
    from mlip.simulation.ase.mlip_ase_calculator import MLIPForceFieldASECalculator

    return MLIPForceFieldASECalculator(frames.molecule.copy(), _EDGE_ROOM, force_field)


def make_engine(
    force_field: Any, frames: Frames, *, timestep: float, num_steps: int, velocities: np.ndarray
) -> Any:
    """Make mlip's engine on JAX-MD, at constant energy.

    Args:
        force_field: The force field.
        frames: Whose molecule moves.
        timestep: fs.
        num_steps: Steps of a run, one compiled episode; the last of them is stored.
        velocities: Of the start, `[N, 3]`, in units of ASE.

    Returns:
        The engine.
    """
    from mlip.simulation.configs import JaxMDSimulationConfig
    from mlip.simulation.enums import MDIntegrator
    from mlip.simulation.jax_md import JaxMDSimulationEngine

    atoms = frames.molecule.copy()
    atoms.set_velocities(velocities)
    config = JaxMDSimulationConfig(
        md_integrator=MDIntegrator.NVE_VELOCITY_VERLET,
        timestep_fs=timestep,
        num_steps=num_steps,
        num_episodes=1,
        snapshot_interval=num_steps,
    )
    return JaxMDSimulationEngine(atoms, force_field, config)


def name() -> str:
    """Return the name of mlip, with its version."""
    return f"mlip {importlib.metadata.version('mlip')}"
