"""Transformer of invariant features and Euclidean variables."""

import functools
import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.layers import MLP, Dense
from symjax_models.models.species_layers import SpeciesEmbedding, species_one_hot
from symjax_models.ops import cutoffs, harmonics, message_passing, radial, safe
from symjax_models.ops.graph import Graph
from symjax_models.typing import Array

_DECAY = 0.5 / 0.529177210903  # of the radial functions, 1/angstrom: half of one over a bohr


class SO3krates(nn.Module):
    """Give every atom an energy, from features that attend to neighbours by their surroundings.

    Atom i holds invariant features x_i and one Euclidean variable chi_i^l, a vector of 2l + 1
    components, of every degree l = 1..`max_degree`. From x_i = embedding[Z_i] and
    chi_i^l = sum_j u(r_ij) Y^l(e_ij) / n, `num_layers` times an attention

    w_ij = MLP(g(r_ij)) + MLP(|chi_j - chi_i|^2)
    a_ij = u(r_ij) <silu(Q x_i), w_ij * silu(K x_j)> / sqrt(d n)
    x_i <- x_i + sum_j a_ij V x_j,   chi_i^l <- chi_i^l + sum_j b_ij^l Y^l(e_ij)

    with harmonics Y, a cutoff u, Bernstein polynomials g of an exponential of r that decays over
    two bohr, and |.|^2 the squared norm of every degree. There is an a per head, a group of d
    features, which Q, K and V do not mix; b is another such attention, with one head per degree.
    Then an exchange

    (p, s)_i = Dense([x_i, |chi_i|^2]),   x_i <- x_i + p_i,   chi_i^l <- chi_i^l + s_i^l chi_i^l

    and after either step x_i <- x_i + MLP(silu(x_i)). The energy is MLP(x).

    Attributes:
        species: Atomic numbers that the model knows, increasing.
        num_neighbours: Average number n of neighbours of an atom.
        features: Length of x, a multiple of `num_heads` and of `max_degree`.
        num_heads: Number of weights a of a pair.
        max_degree: Highest degree of chi.
        num_layers: Number of attentions.
        cutoff: Angstrom.
        num_radial: Number of Bernstein polynomials.

    Equivariance:
        E(3) (reflections included): invariant; permutations of atoms. Exact up to rounding. The
        parity of chi^l is (-1)^l.

    Numerics:
        Continuous first and second derivatives as an atom crosses the cutoff, and where a symmetry
        makes chi vanish. An atom without neighbours has the energy of its species. No products of
        harmonics: the cost of a degree is that of its 2l + 1 components.
        517,081 parameters with the defaults and three species.

    Source:
        Frank, Unke, Mueller 2022, arXiv:2205.14276 (the start of chi); Frank et al. 2024,
        arXiv:2309.15126 (all else, with the silu of queries and keys and the residual perceptrons
        of the authors' code). Deviations: attention is divided by sqrt(n); squared norms of
        degrees, which the later paper multiplies by constants and the earlier one takes the root
        of, whose slope jumps at zero; a polynomial for u, as the second derivative of a cosine
        jumps at the cutoff.
    """

    species: tuple[int, ...]
    num_neighbours: float
    features: int = 132
    num_heads: int = 4
    max_degree: int = 3
    num_layers: int = 3
    cutoff: float = 5.0
    num_radial: int = 32

    @nn.compact
    def __call__(self, graph: Graph) -> Array:
        """Evaluate the energies of the atoms.

        Args:
            graph: Nodes `numbers` `[N]`; edges `displacements` `[E, 3]`, angstrom. Sparse.

        Returns:
            Energies without a unit, `[N, 1]`; of padding anything that is finite.

        Raises:
            ValueError: If there are no heads or degrees, or the features are no multiple of them.
        """
        _check_heads(self.features, num_heads=self.num_heads, max_degree=self.max_degree)
        displacements = message_passing.mask_edges(graph, graph.edges["displacements"])
        distances = safe.norm(displacements)
        g = radial.exponential_bernstein(distances, num_functions=self.num_radial, gamma=_DECAY)
        envelope = cutoffs.polynomial_cutoff(distances, cutoff=self.cutoff)[:, None]
        envelope /= math.sqrt(self.num_neighbours)
        y = harmonics.spherical_harmonics(
            displacements, max_degree=self.max_degree, normalization="norm"
        )
        y = envelope * y[:, 1:]
        x = SpeciesEmbedding(self.features, name="embedding")(species_one_hot(graph, self.species))
        # |chi|^2 multiplies up over layers: with 1 / sqrt(n) a training started at a loss of 10^17.
        chi = message_passing.sum_messages(graph, y) / math.sqrt(self.num_neighbours)
        for index in range(self.num_layers):
            x, chi = self._attend(graph, (x, chi), (g, envelope, y), index)
            x = x + self._perceptron(x, f"attended_{index}")
            x, chi = self._exchange(x, chi, index)
            x = x + self._perceptron(x, f"exchanged_{index}")
        return MLP((self.features, 1), name="readout")(x)

    def _attend(
        self, graph: Graph, atoms: tuple[Array, Array], edges: tuple[Array, ...], index: int
    ) -> tuple[Array, Array]:
        (x, chi), (g, envelope, y) = atoms, edges
        differences = message_passing.gather_senders(graph, chi)
        differences -= message_passing.gather_receivers(graph, chi)
        invariants = _squares(differences, self.max_degree)
        a = _Attention(self.num_heads, name=f"features_{index}")(graph, x, g, invariants)
        b = _Attention(self.max_degree, name=f"variables_{index}")(graph, x, g, invariants)
        values = _HeadwiseLinear(self.num_heads, name=f"values_{index}")(x)
        messages = (envelope * a)[:, :, None] * message_passing.gather_senders(graph, values)
        messages = messages.reshape(-1, self.features)
        x = x + message_passing.sum_messages(graph, messages)
        return x, chi + message_passing.sum_messages(graph, _spread(b, self.max_degree) * y)

    def _exchange(self, x: Array, chi: Array, index: int) -> tuple[Array, Array]:
        inputs = jnp.concatenate([x, _squares(chi, self.max_degree)], axis=-1)
        mixed = Dense(self.features + self.max_degree, name=f"exchange_{index}")(inputs)
        p, s = jnp.split(mixed, [self.features], axis=-1)
        return x + p, chi + _spread(s, self.max_degree) * chi

    def _perceptron(self, x: Array, name: str) -> Array:
        return MLP((self.features, self.features), name=name)(nn.silu(x))


class _Attention(nn.Module):
    """Weigh pairs of atoms, `[E, heads]`, by their features and invariants of the pair."""

    num_heads: int

    @nn.compact
    def __call__(self, graph: Graph, x: Array, g: Array, invariants: Array) -> Array:
        features = x.shape[-1]
        filters = MLP((features, features), name="radial")(g)
        filters += MLP((max(1, features // 4), features), name="variables")(invariants)
        filters = filters.reshape(-1, self.num_heads, features // self.num_heads)
        queries = nn.silu(_HeadwiseLinear(self.num_heads, name="queries")(x))
        keys = nn.silu(_HeadwiseLinear(self.num_heads, name="keys")(x))
        queries = message_passing.gather_receivers(graph, queries)
        keys = message_passing.gather_senders(graph, keys)
        products = jnp.sum(queries * filters * keys, axis=-1)
        return products / math.sqrt(features // self.num_heads)


class _HeadwiseLinear(nn.Module):
    """Mix features `[N, F]` within each of H groups, without a bias: `[N, H, F/H]`."""

    num_heads: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        width = x.shape[-1] // self.num_heads
        init = nn.initializers.normal(width**-0.5)
        kernel = self.param("kernel", init, (self.num_heads, width, width))
        return jnp.einsum("nhi,hij->nhj", x.reshape(-1, self.num_heads, width), kernel)


def _squares(chi: Array, max_degree: int) -> Array:
    """Sum the squares of the components of every degree: `[..., max_degree]`."""
    owners = jnp.asarray(_owners(max_degree), chi.dtype)
    return jnp.matmul(jnp.square(chi), owners.T, precision=jax.lax.Precision.HIGHEST)


def _spread(factors: Array, max_degree: int) -> Array:
    """Repeat the number of every degree for its components."""
    owners = jnp.asarray(_owners(max_degree), factors.dtype)
    return jnp.matmul(factors, owners, precision=jax.lax.Precision.HIGHEST)


@functools.lru_cache
def _owners(max_degree: int) -> np.ndarray:
    """Tell which components, degrees one after the other, a degree owns: 1 or 0."""
    degrees = np.arange(1, max_degree + 1)
    owners = (degrees[:, None] == np.repeat(degrees, 2 * degrees + 1)).astype(np.float64)
    owners.flags.writeable = False
    return owners


def _check_heads(features: int, *, num_heads: int, max_degree: int) -> None:
    if num_heads < 1 or max_degree < 1:
        raise ValueError(
            "SO3krates has at least one head and one degree, got "
            f"num_heads={num_heads} and max_degree={max_degree}"
        )
    multiple = math.lcm(num_heads, max_degree)
    if features < 1 or features % multiple:
        fitting = multiple * max(1, round(features / multiple))
        raise ValueError(
            f"the features of SO3krates are a multiple of its num_heads={num_heads} and of its "
            f"max_degree={max_degree}, got features={features}; the nearest that fit are {fitting}"
        )
