"""PONITA: convolution over positions and orientations, for n-body systems.

A function of position and orientation is held on a grid of orientations. Everything the networks
compute is invariant under rotations of positions and grid together; what remains is where the grid
points:

- `grid="principal_axes"`: along the principal axes of the input. The grid turns with the input, and
  since it is its own image under flips of the axes, their signs do not matter: exact.
- `grid="fixed"`: along fixed axes, as published. Exact for the rotations that map the grid to
  itself, 60 of them with 12 orientations; approximate for all others. With a key, the grid is
  turned at random in every call, which makes the law of the output invariant.
- no orientations: distances alone (the paper's PNITA), exact, for `models.ponita_clouds` only.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from symjax_models import groups
from symjax_models.layers import Dense
from symjax_models.layers.position_orientation import (
    InvariantBasis,
    KernelBases,
    PositionOrientationBlock,
)
from symjax_models.ops import message_passing, position_orientation, safe
from symjax_models.ops.graph import Graph
from symjax_models.ops.local_frames import principal_axes
from symjax_models.ops.orientation_grids import is_symmetric, orientation_grid
from symjax_models.ops.pooling import pool_nodes
from symjax_models.suggestion import nearest_of
from symjax_models.typing import Array, PRNGKey

_HIGHEST = jax.lax.Precision.HIGHEST
_GRIDS = ("principal_axes", "fixed")


class PonitaTrunk(nn.Module):
    """Run the blocks of PONITA and average what is read out after each.

    Attributes:
        features: Width of the features.
        num_layers: Number of blocks.
        out_features: Width of the output.
        widening: Hidden width of a block, in widths of the features.
        layer_scale: Factor on the update of a block at the start.

    Equivariance:
        That of its blocks, as `layers.position_orientation` states it.
    """

    features: int
    num_layers: int
    out_features: int
    widening: int
    layer_scale: float

    @nn.compact
    def __call__(self, lifted: Array, bases: KernelBases, *, neighbours: Graph | Array) -> Array:
        """Map lifted inputs `[*batch, N, O, F]` to `[*batch, N, O, out_features]`."""
        features = Dense(self.features, name="embedding")(lifted)
        outputs = []
        for index in range(self.num_layers):
            block = PositionOrientationBlock(self.widening, self.layer_scale, name=f"block_{index}")
            features = block(features, bases, neighbours=neighbours)
            outputs.append(Dense(self.out_features, name=f"readout_{index}")(features))
        return jnp.mean(jnp.stack(outputs), axis=0)


class Ponita(nn.Module):
    """Predict future positions from positions, velocities and pair interactions.

    Lifts v . o and |v|, convolves over the complete graph with kernels of (o . x_ij, |x_ij - (o .
    x_ij) o|, a_ij) and of o . o', and predicts x_i + mean over o of f_i(o) o.

    Attributes:
        features: Width of the features.
        num_layers: Number of blocks.
        num_orientations: O; 12 is the icosahedron, the most even and the most symmetric.
        basis: Number of basis functions of the kernels.
        degree: Highest degree of the polynomials in the invariants.
        widening: Hidden width of a block, in widths of the features.
        layer_scale: Factor on the update of a block at the start.
        length_scale: Unit that lengths are measured in, about the distance of neighbours.
        grid: "principal_axes" or "fixed"; see the module.
        draws_in_training: In training, that is, where there is the random stream `"dropout"`, turn
            the grid at random (stream `"frames"`) instead: noise that regularizes.

    Equivariance:
        Translations and permutations of nodes, exact. With "principal_axes" SE(3), and E(3) for 6,
        8, 12 and 20 orientations, exact up to rounding (in the plane SE(2)); where two principal
        moments are equal, as exact as a fixed grid. With "fixed" rotations are exact for the
        symmetry group of the grid and approximate else: with random parameters of unit size the
        largest error, over the root mean square of the displacement, is .7 at 8 orientations, .4 at
        12 and 16, .2 at 20 and .08 at 32.

    Numerics:
        Rounding of the principal axes is some eps over the relative gap of the principal moments:
        the error of nearly round inputs is larger. The axes are taken as constants by
        differentiation, so a gradient with respect to positions leaves their part out.

    Source:
        E. Bekkers, S. Vadgama, R. Hesselink, P. van der Linden, D. Romero 2024, section 5 and
        appendix, arXiv:2310.02970. Deviations: the interaction enters the kernel, where the authors
        give the charge to the node, and |v| enters beside v . o; the grid; the initial
        distribution of kernels, see `PositionOrientationConv`.
    """

    features: int = 128
    num_layers: int = 5
    num_orientations: int = 12
    basis: int = 256
    degree: int = 3
    widening: int = 4
    layer_scale: float = 1e-6
    length_scale: float = 1.0
    grid: str = "principal_axes"
    draws_in_training: bool = False

    @nn.compact
    def __call__(self, graph: Graph, *, key: PRNGKey | None = None) -> Array:
        """Predict positions.

        Args:
            graph: Nodes `positions` and `velocities` `[*batch, N, d]`, d = 2 or 3; edges
                `interaction` `[..., 1]`. Either layout.
            key: Turns a fixed grid at random; None leaves it.

        Returns:
            Predicted positions, `[*batch, N, d]`, in the unit of the input.

        Raises:
            ValueError: If there are no orientations, or the grid does not fit; see `make_grid`.
        """
        positions, velocities = graph.nodes["positions"], graph.nodes["velocities"]
        if self.num_orientations == 0:
            raise ValueError("vectors are predicted along orientations: expected at least one")
        dimension = positions.shape[-1]
        grid = make_grid(self.num_orientations, dimension=dimension, grid=self.grid)
        draws = self.draws_in_training and self.has_rng("dropout")
        key = self.make_rng("frames") if draws else key
        is_attached = self.grid == "principal_axes" and not draws
        axes = _graph_axes(graph, positions) if is_attached else None
        shape = (*graph.n_node.shape, dimension, dimension)
        placed = place_grid(grid, axes, shape=shape, dtype=positions.dtype, key=key)
        orientations = message_passing.gather_graphs(graph, placed)

        displacements = -message_passing.displacements(graph, positions) / self.length_scale
        # Masked here, for the kernels' gradients are products with the invariants: 0 * NaN.
        displacements = message_passing.mask_edges(graph, displacements)
        interaction = message_passing.mask_edges(graph, graph.edges["interaction"])
        seen_along = message_passing.gather_receivers(graph, orientations)
        invariants = position_orientation.pair_invariants(displacements, seen_along)
        attributes = jnp.broadcast_to(
            interaction[..., None, :], (*invariants.shape[:-1], interaction.shape[-1])
        )
        invariants = jnp.concatenate([invariants, attributes], axis=-1)

        bases = make_bases(invariants, grid, features=self.basis, degree=self.degree, is_graph=True)
        speeds = safe.norm(velocities, keepdims=True)
        lifted = position_orientation.lift(speeds, velocities[..., None], orientations)
        outputs = PonitaTrunk(
            self.features, self.num_layers, 1, self.widening, self.layer_scale, name="trunk"
        )(lifted, bases, neighbours=graph)
        return positions + position_orientation.read_vectors(outputs, orientations)[..., 0]


def make_grid(count: int, *, dimension: int, grid: str) -> np.ndarray:
    """Return a grid of orientations and check that it can be attached as asked for.

    Args:
        count: O; 0 gives one zero vector, along which only distances are seen.
        dimension: d, 2 or 3.
        grid: "principal_axes" or "fixed".

    Returns:
        `[O, d]`.

    Raises:
        ValueError: If `grid` is unknown, or a grid along principal axes would depend on their sign.
    """
    if grid not in _GRIDS:
        raise ValueError(f"unknown grid {grid!r}; {nearest_of(grid, _GRIDS)}")
    if count == 0:
        return np.zeros((1, dimension))
    directions = orientation_grid(count, dimension=dimension)
    if grid == "principal_axes" and not is_symmetric(directions):
        fitting = "an even number" if dimension == 2 else "6 or a multiple of 4"
        raise ValueError(
            f"a grid along principal axes needs {fitting} of orientations, got {count}, which "
            "depends on the signs of the axes"
        )
    return directions


def place_grid(
    grid: np.ndarray, axes: Array | None, *, shape: tuple[int, ...], dtype: Any, key: PRNGKey | None
) -> Array:
    """Turn a grid of orientations along axes, or at random.

    Args:
        grid: Constant unit vectors, `[O, d]`.
        axes: Rotations whose columns are the axes, `[*batch, d, d]`; None for a fixed grid.
        shape: That of the axes.
        dtype: Precision of the result.
        key: Draws a rotation for every fixed grid; None leaves them.

    Returns:
        Orientations `[*batch, O, d]`.
    """
    if axes is None:
        turns = jnp.eye(shape[-1]) if key is None else groups.SO(shape[-1]).sample(key, shape[:-2])
        axes = jnp.broadcast_to(turns.astype(dtype), shape)
    return jnp.einsum("...ij,oj->...oi", axes, jnp.asarray(grid, dtype), precision=_HIGHEST)


def _graph_axes(graph: Graph, positions: Array) -> Array:
    mean = pool_nodes(graph, positions, how="mean")
    centred = positions - message_passing.gather_graphs(graph, mean)
    return principal_axes(
        pool_nodes(graph, centred[..., :, None] * centred[..., None, :], how="mean")
    )


def make_bases(
    invariants: Array, grid: np.ndarray, *, features: int, degree: int, is_graph: bool = False
) -> KernelBases:
    """Make the modules of the basis functions, in the module that calls, and evaluate them.

    Args:
        invariants: Of pairs of neighbours, `[*edge, O, M]`.
        grid: Orientations, `[O, d]`.
        features: K, the number of functions.
        degree: Highest degree of their polynomials.
        is_graph: Whether to evaluate them at a node itself too, where all invariants are zero.
    """
    spatial = InvariantBasis(features, degree, name="spatial_basis")
    angles = jnp.asarray(position_orientation.orientation_invariants(grid), invariants.dtype)
    own = spatial(jnp.zeros(invariants.shape[-1:], invariants.dtype)) if is_graph else None
    angular = InvariantBasis(features, degree, name="angular_basis")(angles)
    return KernelBases(spatial=spatial(invariants), own=own, angular=angular)
