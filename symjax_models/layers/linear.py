"""The equivariant linear map between features of any group."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from symjax_models import reps
from symjax_models.groups import Group
from symjax_models.layers import initializers
from symjax_models.layers.typed import as_jax, output_dtype, output_rep
from symjax_models.reps import Rep, RepArray
from symjax_models.reps.variance import unit_variance_factors
from symjax_models.typing import Array


@dataclasses.dataclass(frozen=True)
class Soft:
    """Relax the symmetry of a layer: a residual map that a penalty keeps small.

    The layer computes `f(x) + r(x)`, where f is equivariant and r is any linear map. It sows
    `sum r^2`, and for each candidate group the squared distance of r from the maps that are
    equivariant under that group alone, into the collection `"penalties"`;
    `layers.apply_with_penalties` returns their sums.

    Args:
        candidates: Subgroups of the layer's group.
        scale: Standard deviation of the initial r, relative to that of f.

    Source:
        The residual pathway: M. Finzi, G. Benton, A. G. Wilson, 2021, arXiv:2112.01388, section
        3.2. Projector penalties of several groups: H. Kim, H. Lee, H. Yang, J. Lee, 2023,
        arXiv:2306.00356, section 3; there the penalty is on the whole map, here on the residual,
        which is the same where the candidates are subgroups, since f is in all their spaces.
    """

    candidates: tuple[Group, ...] = ()
    scale: float = 1e-3

    def __post_init__(self) -> None:
        names = ["residual", *map(repr, self.candidates)]
        if len(set(names)) < len(names):
            raise ValueError(
                f"penalties are told apart by the repr of candidates, got {', '.join(names[1:])}; "
                "MatrixGroup(..., name=...) gives one a name of its own"
            )


class Linear(nn.Module):
    """Apply the general equivariant linear map, with a bias along the invariants.

    `y_o = sum_i sum_k sum_c w[k, c, c'] f_k(x_i) + b_o` over an orthonormal basis f_k of the
    equivariant maps between every pair of summands, so the parameters are minimal coordinates. They
    mean the same map in every process.

    Attributes:
        rep_out: Representation of the output, or a string of irreps such as `"32x0e+16x1o"`, see
            `reps.parse_irreps`.
        use_bias: Whether to add a vector that the group leaves fixed; one for every invariant.
        soft: Adds a penalized map that is not equivariant; None for strict symmetry.

    Equivariance:
        `f(rho_in(g) x) = rho_out(g) f(x)` for the group of the representations; exact, but for
        `soft`. Permutations of batch entries.

    Numerics:
        Initial outputs have zero mean, and unit variance in every irreducible part that inputs of
        unit variance reach (`reps.variance.unit_variance_factors`). Contractions with constants
        run at the highest precision. No matrix of the map is formed where a closed form is known.

    Source:
        Finzi, Welling, Wilson 2021, arXiv:2104.09459, section 4, there with a dense weight that is
        projected in every call; here with coordinates.
    """

    rep_out: Rep | str
    use_bias: bool = True
    soft: Soft | None = None

    @nn.compact
    def __call__(self, x: RepArray) -> RepArray:
        """Map features of any representation of the group to `rep_out`.

        Args:
            x: The features.

        Returns:
            Features of `rep_out` with the same batch axes.

        Raises:
            ValueError: If x is no `RepArray`, or of another group, or the string cannot be read.
        """
        rep_out = output_rep(self.rep_out, x, layer="Linear")
        x, dtype = as_jax(x), output_dtype(rep_out, x)
        blocks = []
        for o, (channels, term) in enumerate(rep_out.terms):
            factors = unit_variance_factors(x.rep.terms, term)
            total = jnp.zeros((*x.shape, term.dim, channels), dtype)
            for i, ((_, source), block) in enumerate(zip(x.rep.terms, x.blocks, strict=True)):
                basis = reps.equivariant_basis(source, term)
                if basis.size:
                    init = initializers.normal_in_basis(factors[i])
                    shape = (basis.size, block.shape[-1], channels)
                    kernel = jnp.asarray(self.param(f"kernel_{o}_{i}", init, shape, dtype))
                    total = total + basis.apply(kernel, block)
                if self.soft is not None:
                    ends = ((block.shape[-1], source), (channels, term))
                    total = total + self._residual(f"residual_{o}_{i}", *ends, x, block)
            blocks.append(total + self._bias(o, term, channels, x) if self.use_bias else total)
        return RepArray(rep_out, blocks)

    def _bias(self, o: int, term: Rep, channels: int, x: RepArray) -> Array | float:
        basis = reps.equivariant_basis(reps.scalar(term.group), term)
        if not basis.size:
            return 0.0
        shape, dtype = (basis.size, 1, channels), output_dtype(term, x)
        bias = self.param(f"bias_{o}", nn.initializers.zeros_init(), shape, dtype)
        return basis.apply(jnp.asarray(bias), jnp.ones((1, 1), dtype))

    def _residual(
        self, name: str, one: tuple[int, Rep], other: tuple[int, Rep], x: RepArray, block: Array
    ) -> Array:
        assert self.soft is not None
        (channels_in, source), (channels_out, term) = one, other
        fan_in = sum(m * rep.dim for m, rep in x.rep.terms)
        shape = (term.dim, channels_out, source.dim, channels_in)
        init = nn.initializers.normal(self.soft.scale / np.sqrt(fan_in))
        residual = jnp.asarray(self.param(name, init, shape, output_dtype(term, x)))
        self._sow("residual", _sum_of_squares(residual))
        for candidate in self.soft.candidates:
            basis = reps.equivariant_basis(
                reps.restrict(source, candidate), reps.restrict(term, candidate)
            )
            maps = jnp.asarray(basis.dense(), residual.dtype)
            coordinates = jnp.einsum("koi,ocid->kcd", maps.conj(), residual, precision="highest")
            # Of the difference, not of norms: rounding must not make it negative.
            nearest = jnp.einsum("koi,kcd->ocid", maps, coordinates, precision="highest")
            self._sow(repr(candidate), _sum_of_squares(residual - nearest))
        return jnp.einsum("ocid,...id->...oc", residual, block)

    def _sow(self, name: str, value: Array) -> None:
        # What init returns would be added to in every call that gets it back.
        if self.is_initializing():
            return
        self.sow(
            "penalties", name, value, reduce_fn=lambda a, b: a + b, init_fn=lambda: jnp.zeros(())
        )


def _sum_of_squares(x: Array) -> Array:
    return jnp.vdot(x, x, precision="highest").real


def apply_with_penalties(
    module: nn.Module, params: dict, *args: object
) -> tuple[object, dict[str, Array]]:
    """Apply a module and sum the penalties of its soft layers.

    Args:
        module: A module with layers that are `Soft`.
        params: Its variables.
        *args: Its arguments.

    Returns:
        The output, and the penalties of all layers together: `"residual"`, and one for the `repr`
        of every candidate group. Zero for maps that have the symmetry.
    """
    output, state = module.apply(params, *args, mutable=["penalties"])
    totals: dict[str, Array] = {}
    for path, value in jax.tree_util.tree_leaves_with_path(state):
        name = path[-1].key
        totals[name] = totals[name] + value if name in totals else value
    return output, totals
