"""The layers of QHNet, on dense graphs of molecules with the same atoms."""

import functools
import math
from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from symjax_models import groups, reps
from symjax_models.layers import MLP, Linear, RadialWeights
from symjax_models.ops import cutoffs, message_passing, radial, safe
from symjax_models.ops.channelwise_products import multiply_channels
from symjax_models.ops.graph import Graph
from symjax_models.ops.matrix_blocks import block_irreps, blocks_from_irreps
from symjax_models.ops.tensor_products import TensorProductPlan, graph_convolution
from symjax_models.reps import Rep, RepArray
from symjax_models.reps.base import direct_sum
from symjax_models.typing import Array

# The decay length of the radial functions is 2 bohr.
_GAMMA = 0.5 / 0.529177210903  # 1/angstrom
_SCALAR = reps.scalar(groups.O(3))


class WeightSettings(NamedTuple):
    """How the weights of products on pairs of atoms depend on the pair.

    Attributes:
        cutoff: Angstrom.
        num_radial: K, number of radial functions.
        hidden: Width of the hidden layers.
    """

    cutoff: float
    num_radial: int
    hidden: int


class NormGate(nn.Module):
    """Multiply every channel by a learned function of all scalars and norms.

    `[s, x_c] -> [s + f_0, x_c (1 + f_c)]` with (f_0, f) an MLP of the scalars s and of the norms
    |x_c| of the other channels.

    Equivariance: O(3), exact.

    Source: Yu et al. 2023, arXiv:2306.04922 (norm gate). Deviation: f_0 and f_c there; with the
        sums, gated features are at first about as large as they were, and products of them too.
    """

    @nn.compact
    def __call__(self, x: RepArray) -> RepArray:
        """Gate features, scalars among them or not."""
        seen = [
            block[..., 0, :] if term == _SCALAR else safe.norm(block, axis=-2)
            for (_, term), block in zip(x.rep.terms, x.blocks, strict=True)
        ]
        widths = [count for count, _ in x.rep.terms]
        values = MLP((sum(widths), sum(widths)), name="gates")(jnp.concatenate(seen, axis=-1))
        gates = jnp.split(values[..., None, :], np.cumsum(widths)[:-1], axis=-1)
        return RepArray(
            x.rep,
            [
                block + gate if term == _SCALAR else block * (1 + gate)
                for (_, term), block, gate in zip(x.rep.terms, x.blocks, gates, strict=True)
            ],
        )


class PairWeights(nn.Module):
    """Give every pair of atoms the weights of a product.

    `w_ij = R(r_ij) (1 + MLP([s_i, s_j, <x_i, x_j>_l]))`: radial weights times a function of the
    scalars of both atoms and of the mean products of components of each channel of degree l.

    Attributes:
        plan: The product.
        settings: See `WeightSettings`.

    Equivariance: O(3), invariant; exact.

    Source: Yu et al. 2023, arXiv:2306.04922 (node- and pair-wise interactions). Deviation: no 1
        there.
    """

    plan: TensorProductPlan
    settings: WeightSettings

    @nn.compact
    def __call__(self, graph: Graph, x: RepArray, distances: Array) -> Array:
        """Evaluate the weights in the edge layout, `[..., P, C]`."""
        width, cutoff = self.settings.hidden, self.settings.cutoff
        count = self.settings.num_radial
        of_distance = RadialWeights(
            self.plan,
            radial=functools.partial(_radial, num_functions=count),
            cutoff=functools.partial(cutoffs.smooth_cutoff, cutoff=cutoff),
            hidden=(width,),
            name="radial",
        )(distances)
        seen = []
        for (_, term), block in zip(x.rep.terms, x.blocks, strict=True):
            received = message_passing.gather_receivers(graph, block)
            sent = message_passing.gather_senders(graph, block)
            if term == _SCALAR:
                shape = (*distances.shape, block.shape[-1])
                seen += [jnp.broadcast_to(part[..., 0, :], shape) for part in (received, sent)]
            else:
                seen.append(jnp.mean(received * sent, axis=-2))
        shape = of_distance.shape[-2:]
        network = MLP((width, shape[0] * shape[1]), name="invariants")
        of_features = network(jnp.concatenate(seen, axis=-1))
        return of_distance * (1 + of_features.reshape(*distances.shape, *shape))


class NodeLayer(nn.Module):
    """Convolve the features of atoms, with a norm gate before.

    `x_i <- x_i + Linear(h_i + z_i)` with `z_i = sum_j w_ij h_j (x) Y(r_ij) / sqrt(n)` over the n
    other atoms j (n = 1 if there are none), h = Linear(NormGate(x)), displacements r_ij from j to
    i, and the `PairWeights` w of Linear(x). Where x is not of `rep_out`, as in the first layer, it
    is `x_i <- Linear(z_i)`.

    Attributes:
        rep_out: C copies of every irrep.
        max_degree: Highest degree of the harmonics.
        settings: Of the weights.

    Equivariance: O(3), exact; permutations of atoms.

    Source: Yu et al. 2023, arXiv:2306.04922 (node-wise interaction). Deviation: no sqrt(n) there.
    """

    rep_out: Rep
    max_degree: int
    settings: WeightSettings

    @nn.compact
    def __call__(
        self, graph: Graph, x: RepArray, displacements: Array, distances: Array
    ) -> RepArray:
        """Convolve features `[*batch, N]`."""
        h = Linear(x.rep, name="linear_in")(NormGate(name="gate")(x))
        harmonics = reps.harmonic_irreps(self.max_degree)
        plan = TensorProductPlan(x.rep, harmonics, self.rep_out)
        before = Linear(x.rep, name="linear_weights")(x)
        weights = PairWeights(plan, self.settings, name="weights")(graph, before, distances)
        z = graph_convolution(plan, graph, h, displacements, weights)
        z = z / math.sqrt(max(1, displacements.shape[-2]))
        if h.rep == self.rep_out:
            z = z + h
        z = Linear(self.rep_out, name="linear_out")(z)
        return z + x if x.rep == self.rep_out else z


class SelfLayer(nn.Module):
    """Multiply the features of an atom by themselves, channel by channel.

    `Linear(NormGate(L(x_i) (x) R(x_i))) + Linear(x_i)`: two linear maps L and R of the gated
    features, and one weight per path and channel.

    Attributes:
        rep_out: C copies of every irrep.

    Equivariance: O(3), exact; permutations of atoms.

    Source: Yu et al. 2023, arXiv:2306.04922 (Self-Net).
    """

    rep_out: Rep

    @nn.compact
    def __call__(self, x: RepArray) -> RepArray:
        """Map features `[..., N]` to such of `rep_out`."""
        plan = product_plan(x.rep, self.rep_out)
        left = Linear(x.rep, name="left")(NormGate(name="gate_left")(x))
        right = Linear(x.rep, name="right")(NormGate(name="gate_right")(x))
        shape = (plan.num_paths, plan.num_channels)
        weights = jnp.asarray(self.param("weights", nn.initializers.normal(1.0), shape))
        z = NormGate(name="gate")(multiply_channels(plan, left, right, weights))
        return Linear(self.rep_out, name="linear_out")(z) + Linear(
            self.rep_out, use_bias=False, name="residual"
        )(x)


class PairLayer(nn.Module):
    """Multiply the features of every two atoms, channel by channel.

    `Linear(NormGate(w_ij (x) h_i (x) h_j))` over all ordered pairs, with h = Linear(NormGate(x)).

    Attributes:
        rep_out: C copies of every irrep.
        settings: Of the weights.

    Equivariance: O(3), exact; permutations of atoms.

    Source: Yu et al. 2023, arXiv:2306.04922 (Pair-Net).
    """

    rep_out: Rep
    settings: WeightSettings

    @nn.compact
    def __call__(self, graph: Graph, x: RepArray, distances: Array) -> RepArray:
        """Map features `[*batch, N]` to such of `rep_out` in the edge layout."""
        plan = product_plan(x.rep, self.rep_out)
        before = Linear(x.rep, name="linear_weights")(x)
        weights = PairWeights(plan, self.settings, name="weights")(graph, before, distances)
        h = Linear(x.rep, name="linear_in")(NormGate(name="gate_in")(x))
        received = h.map(lambda block: message_passing.gather_receivers(graph, block))
        sent = h.map(lambda block: message_passing.gather_senders(graph, block))
        z = multiply_channels(plan, received, sent, weights)
        return Linear(self.rep_out, name="linear_out")(NormGate(name="gate")(z))


class Expansion(nn.Module):
    """Expand features to blocks between orbitals, with weights that depend on species.

    `M = sum over l, a, b of W[z; l, a, b] f_l coupled to the block of the orbitals a and b`, where
    W, and biases of degree 0, are an MLP of the embedding z of one species or of two.

    Attributes:
        orbitals: Orbitals of rows and of columns.

    Equivariance: `M -> rho(g) M rho(g)^T` of O(3), exact.

    Source: Yu et al. 2023, arXiv:2306.04922 (expansion module). Deviation: the orthonormal
        couplings of `blocks_from_irreps`.
    """

    orbitals: Rep

    @nn.compact
    def __call__(self, x: RepArray, embeddings: Array, kinds: np.ndarray) -> Array:
        """Expand.

        Args:
            x: Features `[*batch, ...]`, with the same number C of copies of each irrep.
            embeddings: z of every kind of atom or pair, `[K, F]`.
            kinds: Which kind every atom or pair is of, `[...]`.

        Returns:
            M, `[*batch, ..., orbitals, orbitals]`.
        """
        rep = block_irreps(self.orbitals, self.orbitals)
        copies, width = x.rep.terms[0][0], embeddings.shape[-1]
        # Small at first: from weights of unit scale, trainings began at a loss of hundreds.
        init = nn.initializers.variance_scaling(1e-3, "fan_in", "normal")
        total = sum(count for count, _ in rep.terms)
        kernels = MLP((width, copies * total), final_kernel_init=init, name="kernels")(embeddings)
        kernels = kernels.reshape(-1, copies, total) / math.sqrt(copies)
        blocks, start = [], 0
        for count, term in rep.terms:
            kernel = kernels[..., start : start + count][kinds]
            block = jnp.einsum("...dc,...cm->...dm", x[term], kernel)
            if term == _SCALAR:
                block = block + MLP((width, count), name="biases")(embeddings)[kinds][..., None, :]
            blocks.append(block)
            start += count
        return blocks_from_irreps(RepArray(rep, blocks), left=self.orbitals, right=self.orbitals)


def product_plan(rep: Rep, rep_out: Rep) -> TensorProductPlan:
    """Plan the product of features with features of the same type, channel by channel."""
    single = direct_sum([(1, term) for _, term in rep.terms], group=rep.group)
    return TensorProductPlan(rep, single, rep_out)


def _radial(distances: Array, *, num_functions: int) -> Array:
    # The squares of these polynomials add up to about 0.1: brought to a mean of about 1.
    values = radial.exponential_bernstein(distances, num_functions=num_functions, gamma=_GAMMA)
    return values * math.sqrt(10 * num_functions)
