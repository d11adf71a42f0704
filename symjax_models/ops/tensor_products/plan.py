"""Weighted tensor products of features, planned once and run by interchangeable backends."""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from symjax_models import groups
from symjax_models.ops.tensor_products import dense, so2, sparse
from symjax_models.ops.tensor_products.costs import count_costs
from symjax_models.ops.tensor_products.paths import Path, find_paths, irrep_kinds
from symjax_models.reps import base
from symjax_models.reps.arrays import RepArray
from symjax_models.reps.checks import check_same_group
from symjax_models.reps.irreps_strings import format_irreps
from symjax_models.reps.rotation import coupling_degrees
from symjax_models.reps.rotation_irreps import rotation_irrep
from symjax_models.suggestion import look_up
from symjax_models.typing import Array

_BACKENDS: dict[str, Callable[..., list[Array]]] = {
    "auto": dense.couple,
    "dense": dense.couple,
    "sparse": sparse.couple,
}


@dataclasses.dataclass(frozen=True)
class TensorProductPlan:
    """State a weighted product of features, channel by channel.

    Of features x of `rep1`, y of `rep2` and weights w it is
    `z[i3, m3, c] = sum_p w[p, c] n_p sum_m1,m2 C(l1, l2, l3)[m1, m2, m3] x[i1, m1, c] y[i2, m2]`,
    over the paths p = (i1, i2, i3) into the summand i3: those that the triangle rule and parity
    allow. C is `reps.rotation.clebsch_gordan` and n_p = sqrt(2 l3 + 1) / sqrt(paths into i3), with
    which independent x, y and w of unit variance give z of unit variance.

    Args:
        rep1: Type of x: irreps of SO(3) or O(3), all with the same number C of copies.
        rep2: Type of y: irreps with one copy each, such as `reps.harmonic_irreps(2)`.
        rep_out: Type of z: irreps with C copies each.

    Raises:
        ValueError: If a summand is no irrep, a number of copies does not fit, or no path leads to
            an irrep of the product.

    Equivariance: O(3) or SO(3), `rep1` times `rep2` to `rep_out`, weights invariant; exact up to
        rounding.

    Source: the product "uvu" of e3nn (Geiger, Smidt 2022, arXiv:2207.09453) with normalizations
        "component" and "element"; the paths into one irrep are summed, not stacked.

    >>> from symjax_models import reps
    >>> x = reps.parse_irreps("8x0e+8x1o")
    >>> TensorProductPlan(x, reps.harmonic_irreps(2), x).num_paths
    5
    """

    rep1: base.Rep
    rep2: base.Rep
    rep_out: base.Rep

    def __post_init__(self) -> None:
        check_same_group(self.rep1, self.rep2)
        check_same_group(self.rep1, self.rep_out)
        if not (self.rep1.terms and self.rep2.terms and self.rep_out.terms):
            raise ValueError("expected factors and a product of at least one irrep each")
        copies = {count for count, _ in self.rep1.terms}
        if len(copies) != 1:
            raise ValueError(
                f"irreps of rep1 have the same number of copies, got {format_irreps(self.rep1)}"
            )
        _check_copies(self.rep2, 1, what="rep2")
        _check_copies(self.rep_out, self.num_channels, what="rep_out, as those of rep1,")
        reached = {path.index_out for path in self.paths}
        for index, (_, term) in enumerate(self.rep_out.terms):
            if index not in reached:
                possible = _possible_outputs(self.rep1, self.rep2)
                raise ValueError(
                    f"no path leads to {format_irreps(term)} from {format_irreps(self.rep1)} and "
                    f"{format_irreps(self.rep2)}; there are paths to {possible}"
                )

    @functools.cached_property
    def paths(self) -> tuple[Path, ...]:
        """The paths, in the order of the weights: by `index_out`, `index1`, `index2`."""
        return find_paths(self.rep1, self.rep2, self.rep_out)

    @property
    def num_paths(self) -> int:
        """Number of paths P."""
        return len(self.paths)

    @property
    def num_channels(self) -> int:
        """Copies C of every irrep of `rep1` and `rep_out`."""
        return self.rep1.terms[0][0]

    @property
    def has_harmonics(self) -> bool:
        """Whether `rep2` is made of irreps of harmonics: of O(3), those of parity (-1)^l."""
        if isinstance(self.rep2.group, groups.SO):
            return True
        return all(parity == (-1) ** degree for degree, parity in irrep_kinds(self.rep2))

    def check_harmonics(self) -> None:
        """Raise `ValueError` unless `rep2` is made of irreps of harmonics."""
        if not self.has_harmonics:
            raise ValueError(
                "directions have harmonics of degree l and parity (-1)^l, but rep2 is "
                f"{format_irreps(self.rep2)}; other factors are given to apply"
            )

    def apply(
        self, x: RepArray, y: RepArray | Array, weights: Array, *, backend: str = "auto"
    ) -> RepArray:
        """Multiply features.

        Args:
            x: Features of `rep1`, batch `[...]`.
            y: Features of `rep2`, or their components `[..., D]` in one array.
            weights: w, `[..., P, C]`; `[P, C]` if the whole batch shares them.
            backend: `"dense"`, `"sparse"` or `"auto"`, which is the one that `explain` names:
                dense.

        Returns:
            Features of `rep_out`.

        Raises:
            ValueError: If the type of a factor, a shape or the backend does not fit.
        """
        if backend == "so2":
            raise ValueError(
                "backend 'so2' takes directions instead of their harmonics: use apply_so2"
            )
        couple = look_up(backend, _BACKENDS, what="backend")
        weights = self._check_weights(x, weights)
        y = y if isinstance(y, RepArray) else RepArray.from_flat(self.rep2, y)
        if y.rep != self.rep2:
            raise ValueError(f"expected y of {self.rep2!r}, got {y.rep!r}")
        x, dtype = x.map(_as_floating), jnp.result_type(float, x.dtype, y.dtype)
        factors = [jnp.asarray(block[..., 0], dtype) for block in y.blocks]
        return RepArray(self.rep_out, couple(self.paths, x.blocks, factors, weights))

    def apply_so2(self, x: RepArray, directions: Array, weights: Array) -> RepArray:
        """Multiply features by the harmonics of directions, in frames aligned with these.

        Equal to `apply` with y the harmonics of `directions`, normalized and in the normalization
        "component". Per channel, the rotations cost like L^3, and the paths one multiplication for
        each order that they share (like L^4, with a small factor); with `apply` it is L^5.

        Args:
            x: Features of `rep1`, batch `[...]`.
            directions: d, `[..., 3]`, of any length.
            weights: w, `[..., P, C]`.

        Returns:
            Features of `rep_out`.

        Raises:
            ValueError: If `rep2` is not made of irreps of harmonics, or a shape does not fit.

        Numerics: see `so2.couple`: derivatives of all orders are finite and right for every
            direction, and at the zero vector they are those of the harmonics there.
        """
        self.check_harmonics()
        weights = self._check_weights(x, weights)
        x, directions = x.map(_as_floating), _as_floating(directions)
        if directions.shape[-1:] != (3,):
            raise ValueError(f"directions have shape [..., 3], got {directions.shape}")
        batch = jnp.broadcast_shapes(x.shape, directions.shape[:-1], weights.shape[:-2])
        directions = jnp.broadcast_to(directions, (*batch, 3))
        dtype = jnp.result_type(x.dtype, weights)
        rows = jnp.concatenate(x.blocks, axis=-2).astype(dtype)
        rows = jnp.broadcast_to(rows, (*batch, *rows.shape[-2:]))
        weights = jnp.broadcast_to(weights.astype(dtype), (*batch, *weights.shape[-2:]))
        degrees1, degrees_out = (
            tuple(degree for degree, _ in irrep_kinds(rep)) for rep in (self.rep1, self.rep_out)
        )
        coupling = so2.Coupling(self.paths, degrees1, degrees_out)
        z = so2.couple(coupling, rows, directions, weights)
        sizes = [2 * degree + 1 for degree in degrees_out]
        return RepArray(self.rep_out, jax.lax.split(z, sizes, axis=z.ndim - 2))

    def explain(self, *, num_edges: int = 1) -> str:
        """Describe the paths, what each backend costs, and which one runs.

        Args:
            num_edges: Size of the batch.

        Returns:
            A table: multiplications per entry of the batch and channel, and the bytes in float32
            of the arrays between input and output, for the whole batch.

        >>> from symjax_models import reps
        >>> x = reps.parse_irreps("4x1o")
        >>> print(TensorProductPlan(x, reps.parse_irreps("2e"), x).explain(num_edges=10))
        4x1o x 1x2e -> 4x1o: 1 path, 4 channels
          1o x 2e -> 1o
        backend  multiplications  bytes
        dense                 24    840
        sparse                25   2200
        so2                   58   1360
        auto: so2 of directions, whose cost grows least; dense of other factors
        """
        count = f"{self.num_paths} path{'s' if self.num_paths > 1 else ''}"
        lines = [
            f"{format_irreps(self.rep1)} x {format_irreps(self.rep2)} -> "
            f"{format_irreps(self.rep_out)}: {count}, {self.num_channels} channels"
        ]
        names1, names2, names_out = (
            [format_irreps(term).removeprefix("1x") for _, term in rep.terms]
            for rep in (self.rep1, self.rep2, self.rep_out)
        )
        for path in self.paths:
            left, right = names1[path.index1], names2[path.index2]
            lines.append(f"  {left} x {right} -> {names_out[path.index_out]}")
        costs = count_costs(self.paths, num_channels=self.num_channels)
        if not self.has_harmonics:
            del costs["so2"]
        rows = {name: (c.multiplications, 4 * num_edges * c.numbers) for name, c in costs.items()}
        width = max(len("bytes"), *(len(str(size)) for _, size in rows.values()))
        lines.append(f"backend  multiplications  {'bytes':>{width}}")
        lines += [f"{name:8}{m:16}  {size:{width}}" for name, (m, size) in rows.items()]
        of_directions = "so2 of directions, whose cost grows least; " if self.has_harmonics else ""
        lines.append(f"auto: {of_directions}dense of other factors")
        return "\n".join(lines)

    def _check_weights(self, x: RepArray, weights: Array) -> Array:
        """Raise `ValueError` unless x and the weights fit; return the weights as an array."""
        if x.rep != self.rep1:
            raise ValueError(f"expected x of {self.rep1!r}, got {x.rep!r}")
        weights = _as_floating(weights)
        expected = (self.num_paths, self.num_channels)
        if weights.shape[-2:] != expected:
            raise ValueError(
                f"weights have shape [..., {expected[0]}, {expected[1]}], one per path and "
                f"channel, got {weights.shape}"
            )
        return weights


def _as_floating(array: Array) -> Array:
    return jnp.asarray(array, jnp.result_type(float, array))


def _check_copies(rep: base.Rep, count: int, *, what: str) -> None:
    if any(copies != count for copies, _ in rep.terms):
        fitting = base.direct_sum([(count, term) for _, term in rep.terms], group=rep.group)
        raise ValueError(
            f"{what} has {count} of every irrep, got {format_irreps(rep)}; "
            f"{format_irreps(fitting)} fits"
        )


def _possible_outputs(rep1: base.Rep, rep2: base.Rep) -> str:
    kinds = {
        (degree, p1 * p2)
        for l1, p1 in irrep_kinds(rep1)
        for l2, p2 in irrep_kinds(rep2)
        for degree in coupling_degrees(l1, l2)
    }
    is_full = isinstance(rep1.group, groups.O)
    irreps = [
        rotation_irrep(rep1.group, l, parity=p if is_full else None) for l, p in sorted(kinds)
    ]
    return ", ".join(format_irreps(irrep).removeprefix("1x") for irrep in irreps)
