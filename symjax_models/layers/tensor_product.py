"""Linear layers steered by geometric attributes of nodes and edges."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from symjax_models import reps
from symjax_models.layers import initializers
from symjax_models.layers.typed import output_rep
from symjax_models.ops import message_passing
from symjax_models.ops.graph import Graph
from symjax_models.ops.tensor_products import Path, couple_projected, find_paths, project
from symjax_models.reps import Rep, RepArray
from symjax_models.typing import Array


class TensorProduct(nn.Module):
    """Multiply features by attributes, with one learned matrix of channels per path.

    `z_l3 = sum over l1, l2 of n C(l1, l2, l3) (x_l1 W_l1l2l3) a_l2 + b`: for given attributes a it
    is a linear map of x, steered by a. Scalars of the output have a bias b.

    Attributes:
        rep_out: Representation of the output, irreps of O(3) or SO(3), or a string of irreps.

    Equivariance:
        O(3) or SO(3), by the group of x, on x and a; exact. Permutations of batch entries.

    Numerics:
        Independent x and a with components of unit variance give initial outputs of variance 1/3,
        as `Dense` does.

    Source:
        Brandstetter et al. 2022, arXiv:2110.02905 (SEGNN), section 2, equation 6.
    """

    rep_out: Rep | str

    @nn.compact
    def __call__(self, x: RepArray, attributes: RepArray) -> RepArray:
        """Multiply.

        Args:
            x: Features.
            attributes: a, one copy of each of its irreps; same batch axes, or ones that broadcast.

        Returns:
            Features of `rep_out`.

        Raises:
            ValueError: If an argument is no `RepArray`, of another group or no sum of irreps,
                attributes have several copies of an irrep, or no path leads to one of the output.
        """
        rep_out = output_rep(self.rep_out, x, attributes, layer="TensorProduct")
        paths, factors = _find(x.rep, attributes, rep_out)
        kernels = _kernels(self, paths, x.rep, rep_out)
        projected = _project_parts([(x, lambda value: value)], x.rep, paths, kernels)
        return _with_bias(self, couple_projected(paths, projected, factors), rep_out)


class EdgeTensorProduct(nn.Module):
    """Apply `TensorProduct` to the features [x_i, x_j, e_ij] on every edge.

    The matrices are applied to their three parts before nodes meet on edges, so the parts of the
    nodes cost N products of matrices instead of E, and nothing is concatenated.

    Attributes:
        rep_out: Representation of the output, irreps of O(3) or SO(3), or a string of irreps.

    Equivariance:
        O(3) or SO(3), by the group of x, on x, e and a; permutations of nodes; exact.

    Numerics:
        As `TensorProduct`. Features of padding edges are not read.

    Source:
        Brandstetter et al. 2022, arXiv:2110.02905, equation 7.
    """

    rep_out: Rep | str

    @nn.compact
    def __call__(
        self, graph: Graph, x: RepArray, edges: RepArray, attributes: RepArray
    ) -> RepArray:
        """Multiply.

        Args:
            graph: The graph, read for its connectivity only.
            x: Features of the nodes, `[*batch, N]`.
            edges: e, features of the edges in the edge layout.
            attributes: a, in the edge layout, one copy of each of its irreps.

        Returns:
            Features of `rep_out` in the edge layout.

        Raises:
            ValueError: If an argument is no `RepArray`, of another group or no sum of irreps,
                attributes have several copies of an irrep, or no path leads to one of the output.
        """
        rep_out = output_rep(self.rep_out, x, edges, attributes, layer="EdgeTensorProduct")
        joined = x.rep + x.rep + edges.rep
        attributes = attributes.map(lambda block: message_passing.mask_edges(graph, block))
        # Masked here, for the gradient of a kernel is a product with the features: 0 * NaN.
        edges = edges.map(lambda block: message_passing.mask_edges(graph, block))
        paths, factors = _find(joined, attributes, rep_out)
        kernels = _kernels(self, paths, joined, rep_out)

        parts = [
            (x, functools.partial(message_passing.gather_receivers, graph)),
            (x, functools.partial(message_passing.gather_senders, graph)),
            (edges, lambda value: value),
        ]
        projected = _project_parts(parts, joined, paths, kernels)
        return _with_bias(self, couple_projected(paths, projected, factors), rep_out)


def _project_parts(
    parts: Sequence[tuple[RepArray, Callable[[Array], Array]]],
    joined: Rep,
    paths: tuple[Path, ...],
    kernels: list[Array],
) -> list[Array]:
    """Mix the channels of parts that make up features of `joined`, then gather and sum them."""
    totals: list[Any] = [None] * len(paths)
    starts = [0] * len(joined.terms)
    for features, gather in parts:
        for (count, term), block in zip(features.rep.terms, features.blocks, strict=True):
            index = next(i for i, (_, other) in enumerate(joined.terms) if other == term)
            rows = slice(starts[index], starts[index] + count)
            starts[index] += count
            leaving = [p for p, path in enumerate(paths) if path.index1 == index]
            mixed = project(jnp.asarray(block), [kernels[p][rows] for p in leaving])
            for p, value in zip(leaving, map(gather, mixed), strict=True):
                totals[p] = value if totals[p] is None else totals[p] + value
    return totals


def _find(rep1: Rep, attributes: RepArray, rep_out: Rep) -> tuple[tuple[Path, ...], list[Array]]:
    """Return the paths, and the components of the attributes."""
    if any(count != 1 for count, _ in attributes.rep.terms):
        raise ValueError(
            "attributes have one copy of each irrep, got "
            f"{reps.format_irreps(attributes.rep)}; layers.Bilinear multiplies features of several"
        )
    paths = find_paths(rep1, attributes.rep, rep_out)
    reached = {path.index_out for path in paths}
    for index, (_, term) in enumerate(rep_out.terms):
        if index not in reached:
            possible = [
                reps.format_irreps(irrep) for irrep in reps.decompose(rep1 * attributes.rep)
            ]
            raise ValueError(
                f"no path leads to {reps.format_irreps(term)} from {reps.format_irreps(rep1)} and "
                f"{reps.format_irreps(attributes.rep)}; there are paths to "
                f"{', '.join(name.removeprefix('1x') for name in possible)}"
            )
    return paths, [jnp.asarray(block)[..., 0] for block in attributes.blocks]


def _kernels(module: nn.Module, paths: tuple[Path, ...], rep1: Rep, rep_out: Rep) -> list[Array]:
    """Make the matrices `[C_in, C_out]` of all paths; those of one irrep are one parameter."""
    kernels: list[Any] = [None] * len(paths)
    for index, (fan_in, _) in enumerate(rep1.terms):
        leaving = [p for p, path in enumerate(paths) if path.index1 == index]
        if not leaving:
            continue
        widths = [rep_out.terms[paths[p].index_out][0] for p in leaving]
        init = initializers.uniform_fan_in(fan_in)
        kernel = jnp.asarray(module.param(f"kernel_{index}", init, (fan_in, sum(widths))))
        for p, part in zip(leaving, jax.lax.split(kernel, widths, axis=1), strict=True):
            kernels[p] = part
    return kernels


def _with_bias(module: nn.Module, blocks: list[Array], rep_out: Rep) -> RepArray:
    """Add the biases of scalars, and give the blocks their type."""
    scalar = reps.scalar(rep_out.group)
    for index, (count, term) in enumerate(rep_out.terms):
        if term == scalar:
            zeros = nn.initializers.zeros_init()
            blocks[index] = blocks[index] + module.param(f"bias_{index}", zeros, (count,))
    return RepArray(rep_out, blocks)
