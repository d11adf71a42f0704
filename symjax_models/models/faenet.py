"""FAENet: messages of raw relative vectors, made equivariant by averaging over frames."""

import dataclasses
import math
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from symjax_models import groups
from symjax_models.layers import MLP, Dense, EdgeDense, Symmetrize
from symjax_models.models.species_layers import SpeciesEmbedding, species_one_hot
from symjax_models.ops import cutoffs, message_passing, radial, safe
from symjax_models.ops.frames import PCAFrames
from symjax_models.ops.frames.pca import SIGNS
from symjax_models.ops.graph import Graph
from symjax_models.ops.symmetrization import Frame, Source
from symjax_models.suggestion import look_up
from symjax_models.typing import Array, PRNGKey


class FAENet(nn.Module):
    """Give every atom an energy, by a network of raw vectors that is averaged over frames.

    `f_i = mean over frames g of the structure of FrameNetwork(g^-1 r)_i` with the displacements r
    of all edges. The frames of a structure are the principal axes of the vectors `sum_j u(r_ij)
    r_ij` of its atoms, with the cutoff u; see `PCAFrames`.

    Attributes:
        species: Atomic numbers that the model knows, increasing.
        num_neighbours: Average number n of neighbours of an atom.
        frames: `"all"` signs of the axes; `"random"`, one of them per structure where there is a
            random stream `"frames"` (in training), and all where there is none; `"moment"`, the
            one of positive third moments; `"none"`, the network in the axes of the data.
        reflections: Whether to be invariant under reflections, for which `"all"` takes 8 frames
            instead of 4.
        keep_last_axis: Turn about the last axis alone, the normal of a surface: 4 or 2 frames.
        is_differentiable: Whether forces know that the frames move, see below.
        features: Length of the features of atoms.
        filters: Length of messages.
        num_layers: Number of interactions.
        cutoff: Angstrom.
        num_radial: Number of Gaussians.

    Raises:
        ValueError: If `frames` is none of these.

    Equivariance:
        E(3), or SE(3) without `reflections`; the same in two dimensions with `keep_last_axis`;
        permutations of atoms. Exact where the principal moments differ (with `"moment"`, where the
        third moments are not zero either), see `StructureFrames` for more; with `"random"` exact
        without the stream, with it in expectation. With `"none"`, translations and permutations.

    Numerics:
        With `is_differentiable` the derivative by positions is that of the energy: true forces.
        Without it frames are constants: what comes out turns with the structure as exactly, but is
        not the slope of the energy and exerts a torque. Slopes of frames grow as 1 / gap of the
        principal moments; where these cross, the energy jumps, as with any finite frame.

        Through its frames an atom feels all of its structure, also beyond the cutoff. K frames take
        K times the operations.

    Source:
        A. Duval et al., "FAENet: Frame Averaging Equivariant GNN for Materials Modeling", 2023,
        arXiv:2305.05577. Deviations: frames of the vectors above, which exist in periodic cells and
        fade at the cutoff, instead of positions; third moments for signs by sums of components,
        which are not invariant; forces by differentiation, there from a head of their own.
    """

    species: tuple[int, ...]
    num_neighbours: float
    frames: str = "all"
    reflections: bool = True
    keep_last_axis: bool = False
    is_differentiable: bool = True
    features: int = 128
    filters: int = 128
    num_layers: int = 4
    cutoff: float = 5.0
    num_radial: int = 50

    @nn.compact
    def __call__(self, graph: Graph) -> Array:
        """Evaluate the energies of the atoms.

        Args:
            graph: Nodes `numbers` `[N]`; edges `displacements` `[E, 3]`, angstrom. Sparse, edges in
                both directions.

        Returns:
            Energies without a unit, `[N, 1]`; of padding anything that is finite.
        """
        signs = self.frames
        look_up(signs, dict.fromkeys((*SIGNS, "none")), what="choice of frames")
        displacements = message_passing.mask_edges(graph, graph.edges["displacements"])
        graph = dataclasses.replace(graph, edges={"displacements": displacements})
        network = FrameNetwork(
            species=self.species,
            num_neighbours=self.num_neighbours,
            features=self.features,
            filters=self.filters,
            num_layers=self.num_layers,
            cutoff=self.cutoff,
            num_radial=self.num_radial,
            name="network",
        )
        if signs == "none":
            return network(displacements, graph)
        if signs == "random" and not self.has_rng("frames"):
            signs = "all"
        axes = PCAFrames(
            groups.O(3) if self.reflections else groups.SO(3),
            signs=signs,
            keep_last_axis=self.keep_last_axis,
            is_differentiable=self.is_differentiable,
        )
        return average_over_frames(network, axes=axes)(displacements, graph)


class FrameNetwork(nn.Module):
    """Give every atom an energy from displacements as they are written in some axes.

    With SiLU f and Gaussians g, at first h_i = f(Dense(f(Dense(embedding[Z_i])))) and
    e_ij = f(Dense([Dense(r_ij), Dense(g(|r_ij|))])); `num_layers` times

    w_ij = u(|r_ij|) f(Dense([h_i, h_j, e_ij]))
    h_i <- h_i + Dense(f(Dense(sum_j Dense(LayerNorm(h_j)) * w_ij / sqrt(n))))

    and the energy Dense(h_i) Dense(f(Dense(h_i))).

    Attributes:
        species, num_neighbours, features, filters, num_layers, cutoff, num_radial: As of `FAENet`.

    Equivariance:
        Permutations of atoms; translations, which displacements do not see.

    Numerics:
        Continuous first and second derivatives as an atom crosses the cutoff u. An atom without
        neighbours has the energy of its species.

    Source:
        A. Duval et al. 2023, arXiv:2305.05577. Deviations: a cutoff, and the division by
        sqrt(n); layer normalization of every atom before messages for the GraphNorm behind them,
        which lets all atoms of a graph feel each other and jumps where the last neighbour leaves;
        no tags of surface atoms and no properties of elements.
    """

    species: tuple[int, ...]
    num_neighbours: float
    features: int = 128
    filters: int = 128
    num_layers: int = 4
    cutoff: float = 5.0
    num_radial: int = 50

    @nn.compact
    def __call__(self, directed: Array, graph: Graph) -> Array:
        """Evaluate the energies of the atoms.

        Args:
            directed: Displacements in the axes that the network sees, `[E, 3]`, angstrom.
            graph: As of `FAENet`; distances are those of its own displacements.

        Returns:
            Energies without a unit, `[N, 1]`.
        """
        distances = safe.norm(graph.edges["displacements"])
        g = radial.gaussian(distances, num_functions=self.num_radial, cutoff=self.cutoff)
        envelope = cutoffs.polynomial_cutoff(distances, cutoff=self.cutoff)[:, None]
        envelope /= math.sqrt(self.num_neighbours)
        half = self.filters // 2
        parts = Dense(half, name="edge_vector")(directed), Dense(half, name="edge_radial")(g)
        e = nn.silu(Dense(self.filters, name="edge")(jnp.concatenate(parts, axis=-1)))
        widths = (self.features, self.features)
        h = SpeciesEmbedding(self.features, name="embedding")(species_one_hot(graph, self.species))
        h = MLP(widths, activate_final=True, name="atom")(h)
        for index in range(self.num_layers):
            weights = envelope * nn.silu(
                EdgeDense(self.filters, name=f"filter_{index}")(graph, h, e)
            )
            sent = nn.LayerNorm(use_fast_variance=False, name=f"norm_{index}")(h)
            sent = Dense(self.filters, name=f"sent_{index}")(sent)
            messages = weights * message_passing.gather_senders(graph, sent)
            received = message_passing.sum_messages(graph, messages)
            h = h + MLP(widths, name=f"update_{index}")(received)
        weight = Dense(1, name="weight")(h)
        return weight * MLP((self.features // 2, 1), name="readout")(h)


def average_over_frames(network: FrameNetwork, *, axes: Source) -> Symmetrize:
    """Average a network of displacements over frames of every structure of a batch.

    Args:
        network: The network.
        axes: As of `StructureFrames`.

    Returns:
        The module, called as the network, on a sparse graph.
    """
    return Symmetrize(
        network,
        source=StructureFrames(axes, network.cutoff),
        rep_in=("vector", "invariant"),
        rep_out="invariant",
        read=lambda r, graph: dataclasses.replace(graph, edges={"displacements": r}),
    )


@dataclasses.dataclass(frozen=True)
class StructureFrames:
    """Make one frame for every structure of a padded batch, of the surroundings of its atoms.

    The frames that `axes` makes of the vectors `p_i = sum_j u(r_ij) r_ij` of its atoms. Where all N
    are neighbours and u = 1, p_i is N times x_i minus the mean.

    Attributes:
        axes: Makes frames of clouds of vectors `[G, N, 3]`, without translations and with equal
            weights, such as `PCAFrames(O(3))`.
        cutoff: Of the cutoff u, angstrom.

    Equivariance:
        As `axes`, and not at all where the p_i vanish (an ideal crystal) or span less than the
        displacements do. Invariant under translations, also of one atom by a lattice vector, and
        permutations of atoms.

    Numerics: Takes memory for G N vectors: clouds have zeros for the atoms of other structures.
    """

    axes: Source
    cutoff: float

    def __call__(self, x: Graph, *, key: PRNGKey | None = None) -> Frame:
        """Make the frames.

        Args:
            x: Edges `displacements` `[E, 3]`, zero for padding; sparse.
            key: For random axes.

        Returns:
            K elements for every edge, `[K, E, 3, 3]`: those of its structure.
        """
        displacements = x.edges["displacements"]
        fading = cutoffs.polynomial_cutoff(safe.norm(displacements), cutoff=self.cutoff)
        vectors = message_passing.sum_messages(x, fading[:, None] * displacements)
        structures = jnp.arange(x.n_node.shape[0])
        of_nodes = message_passing.gather_graphs(x, structures)
        is_own = (of_nodes == structures[:, None])[..., None]
        frame = self.axes(jnp.where(is_own, vectors, 0), key=key)
        of_edges = of_nodes[x.receivers]
        # Weights do not differ between structures, and belong to atoms here and not to edges.
        return Frame(frame.elements[:, of_edges], frame.inverses[:, of_edges], frame.weights[:, 0])


def pose_errors(
    predict: Callable[[Array, PRNGKey], tuple[Array, Array]],
    positions: Array,
    *,
    key: PRNGKey,
    num_samples: int = 8,
) -> dict[str, Array]:
    """Measure how far energy and forces depend on the pose of a structure.

    Means over random R of `|E(x R^T) - E(x)|` and of the norms of `F(x R^T) - F(x) R^T`.

    Args:
        predict: Maps positions `[N, 3]` and a key, of random frames, to energy and forces.
        positions: x, `[N, 3]`.
        key: What poses, and the keys of `predict`, are drawn by.
        num_samples: Number of R of every kind.

    Returns:
        `"energy_"` and `"force_"` with `"rotations"`; with `"reflections"`, R of determinant -1;
        and with `"planar"`, turns about the last axis. In the units of the predictions.

    Source: The quantities that A. Duval et al. 2023 report, arXiv:2305.05577.
    """
    rotation_key, planar_key, key = jax.random.split(key, 3)
    turns = groups.SO(3).sample(rotation_key, (num_samples,), dtype=positions.dtype)
    planar = groups.SO(2).sample(planar_key, (num_samples,), dtype=positions.dtype)
    about_last = jnp.zeros_like(turns).at[:, :2, :2].set(planar).at[:, 2, 2].set(1)
    matrices = jnp.concatenate([jnp.eye(3, dtype=turns.dtype)[None], turns, -turns, about_last])

    def turn(matrix: Array, x: Array) -> Array:
        return jnp.matmul(x, jnp.swapaxes(matrix, -1, -2), precision=jax.lax.Precision.HIGHEST)

    keys = jax.random.split(key, len(matrices))
    # The pose as it is comes first, and the predictor is compiled once.
    energies, forces = jax.lax.map(lambda drawn: predict(*drawn), (turn(matrices, positions), keys))
    gaps = {
        "energy": jnp.abs(energies[1:] - energies[0]),
        "force": jnp.mean(safe.norm(forces[1:] - turn(matrices[1:], forces[0])), axis=-1),
    }
    return {
        f"{what}_{kind}": jnp.mean(values[index * num_samples : (index + 1) * num_samples])
        for what, values in gaps.items()
        for index, kind in enumerate(("rotations", "reflections", "planar"))
    }
