"""What every representation is, and the algebra of sums, products and duals."""

import abc
import dataclasses
import functools
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np

from symjax_models.groups.base import Group
from symjax_models.reps import checks, matrices
from symjax_models.typing import ArrayLike


class Rep(abc.ABC):
    """State a representation: how the elements of a group act on vectors.

    `rho(g)` is a matrix with `rho(g h) = rho(g) rho(h)`, and `drho(A)` its derivative along the Lie
    algebra, `d/dt rho(exp(t A))` at `t = 0`. A representation is a frozen, hashable value: two are
    equal when group and construction are, so it can key a cache or be a static argument of
    `jax.jit`.

    The algebra of representations `a`, `b` of one group:

    ========================  ==================================================================
    `a + b`, `k * a`          direct sum; equal summands are gathered, at the place of the first
    `a * b`, `a ** k`         tensor product, distributed over sums, scalars left out; the
                              components of `a * b` are those of `matrices.kron(a, b)`, row-major
    `a.dual`                  `rho(g)^-T`; the representation itself where `rho` is real orthogonal
    ========================  ==================================================================

    A subclass is a dataclass decorated with `@dataclasses.dataclass(frozen=True, repr=False)` with
    a field or property `group`. It gives `dim`, `_rho`, `_drho`, `__str__`, and where they differ
    from the defaults `dual` and `is_orthogonal`.
    """

    group: Group

    @property
    @abc.abstractmethod
    def dim(self) -> int:
        """Dimension of the space acted on, D."""

    @property
    def is_complex(self) -> bool:
        """Whether `rho(g)` has complex entries."""
        return self.group.is_complex

    @property
    def is_orthogonal(self) -> bool:
        """Whether every `rho(g)` is orthogonal (unitary if complex)."""
        return self.group.is_orthogonal

    @property
    def terms(self) -> "tuple[tuple[int, Rep], ...]":
        """The representation as a direct sum: pairs of a multiplicity and a distinct summand."""
        return ((1, self),)

    @property
    def factors(self) -> "tuple[Rep, ...]":
        """The representation as a tensor product; a sum is its own only factor."""
        return (self,)

    @property
    def dual(self) -> "Rep":
        """The dual representation, `rho(g)^-T`."""
        if self.is_orthogonal and not self.is_complex:
            return self
        return Dual(self)

    def rho(self, g: ArrayLike) -> Any:
        """Return the matrices of group elements.

        Args:
            g: Elements `[..., n, n]` of the group. NumPy in, NumPy out; else JAX.

        Returns:
            Matrices `[..., D, D]`.

        Raises:
            ValueError: If the last two axes are not those of the group's matrices.
        """
        return self._rho(checks.check_matrices(g, self.group, what="elements"))

    def drho(self, a: ArrayLike) -> Any:
        """Return the matrices of elements of the Lie algebra.

        Args:
            a: Elements `[..., n, n]` of the Lie algebra. NumPy in, NumPy out; else JAX.

        Returns:
            Matrices `[..., D, D]`.

        Raises:
            ValueError: If the last two axes are not those of the group's matrices.
        """
        what = "elements of the Lie algebra"
        return self._drho(checks.check_matrices(a, self.group, what=what))

    @abc.abstractmethod
    def _rho(self, g: Any) -> Any:
        """Return `rho` of checked elements, in their array type."""

    @abc.abstractmethod
    def _drho(self, a: Any) -> Any:
        """Return `drho` of checked elements, in their array type."""

    @abc.abstractmethod
    def __str__(self) -> str:
        """Write the construction, without the group."""

    def __repr__(self) -> str:
        return f"{self} of {self.group!r}"

    def __add__(self, other: "Rep") -> "Rep":
        if not isinstance(other, Rep):
            return NotImplemented
        checks.check_same_group(self, other)
        return direct_sum((*self.terms, *other.terms), group=self.group)

    def __mul__(self, other: "Rep") -> "Rep":
        if not isinstance(other, Rep):
            return NotImplemented
        checks.check_same_group(self, other)
        return direct_sum(
            (
                (m1 * m2, _tensor(self.group, (*a.factors, *b.factors)))
                for m1, a in self.terms
                for m2, b in other.terms
            ),
            group=self.group,
        )

    def __rmul__(self, multiplicity: int) -> "Rep":
        count = checks.check_count(multiplicity, what="a multiplicity")
        return direct_sum(((count * m, rep) for m, rep in self.terms), group=self.group)

    def __pow__(self, exponent: int) -> "Rep":
        count = checks.check_count(exponent, what="an exponent")
        return functools.reduce(operator.mul, [self] * count, Scalar(self.group))


@dataclasses.dataclass(frozen=True, repr=False)
class Scalar(Rep):
    """State the trivial representation, `rho(g) = 1`."""

    group: Group

    @property
    def dim(self) -> int:
        """One."""
        return 1

    @property
    def is_complex(self) -> bool:
        """Like the group, so that products with it stay of one kind."""
        return self.group.is_complex

    @property
    def is_orthogonal(self) -> bool:
        """True."""
        return True

    @property
    def factors(self) -> tuple[Rep, ...]:
        """None: the empty product."""
        return ()

    @property
    def dual(self) -> Rep:
        """Itself."""
        return self

    def _rho(self, g: Any) -> Any:
        return matrices.namespace(g).ones((*g.shape[:-2], 1, 1), g.dtype)

    def _drho(self, a: Any) -> Any:
        return matrices.namespace(a).zeros((*a.shape[:-2], 1, 1), a.dtype)

    def __str__(self) -> str:
        return "1"


@dataclasses.dataclass(frozen=True, repr=False)
class Dual(Rep):
    """State the dual of a representation, `rho(g)^-T`.

    Args:
        inner: The representation; use `inner.dual`, which simplifies.
    """

    inner: Rep

    @property
    def group(self) -> Group:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The group of the inner representation."""
        return self.inner.group

    @property
    def dim(self) -> int:
        """That of the inner representation."""
        return self.inner.dim

    @property
    def is_orthogonal(self) -> bool:
        """That of the inner representation."""
        return self.inner.is_orthogonal

    @property
    def dual(self) -> Rep:
        """The inner representation."""
        return self.inner

    def _rho(self, g: Any) -> Any:
        matrix = self.inner._rho(g)
        if self.is_orthogonal:
            return matrix.conj()
        return matrices.namespace(g).linalg.inv(matrix).swapaxes(-1, -2)

    def _drho(self, a: Any) -> Any:
        return -self.inner._drho(a).swapaxes(-1, -2)

    def __str__(self) -> str:
        return f"{self.inner}'"


@dataclasses.dataclass(frozen=True, repr=False)
class Tensor(Rep):
    """State a tensor product of representations that are neither sums nor products.

    Args:
        group: The group.
        parts: The factors, at least two; use `a * b`, which simplifies.
    """

    group: Group
    parts: tuple[Rep, ...]

    @property
    def dim(self) -> int:
        """The product of the dimensions."""
        return int(np.prod([part.dim for part in self.parts], dtype=object))

    @property
    def is_orthogonal(self) -> bool:
        """Whether all factors are."""
        return all(part.is_orthogonal for part in self.parts)

    @property
    def factors(self) -> tuple[Rep, ...]:
        """The factors."""
        return self.parts

    @property
    def dual(self) -> Rep:
        """The product of the duals."""
        return Tensor(self.group, tuple(part.dual for part in self.parts))

    def _rho(self, g: Any) -> Any:
        return functools.reduce(matrices.kron, (part._rho(g) for part in self.parts))

    def _drho(self, a: Any) -> Any:
        # d(A x B) = dA x 1 + 1 x dB, one factor after another.
        xp = matrices.namespace(a)
        result = self.parts[0]._drho(a)
        for part in self.parts[1:]:
            left = xp.eye(result.shape[-1], dtype=a.dtype)
            right = xp.eye(part.dim, dtype=a.dtype)
            result = matrices.kron(result, right) + matrices.kron(left, part._drho(a))
        return result

    def __str__(self) -> str:
        return "*".join(f"({p})" if "+" in str(p) else str(p) for p in self.parts)


@dataclasses.dataclass(frozen=True, repr=False)
class Sum(Rep):
    """State a direct sum with multiplicities; `rho` is block diagonal, copy after copy.

    Args:
        group: The group.
        summands: Pairs of a multiplicity and a representation that is no sum, all distinct; use
            `a + b`, which gathers equal ones.
    """

    group: Group
    summands: tuple[tuple[int, Rep], ...]

    @property
    def dim(self) -> int:
        """The sum of the dimensions."""
        return sum(multiplicity * rep.dim for multiplicity, rep in self.summands)

    @property
    def is_orthogonal(self) -> bool:
        """Whether all summands are."""
        return all(rep.is_orthogonal for _, rep in self.summands)

    @property
    def terms(self) -> tuple[tuple[int, Rep], ...]:
        """The summands."""
        return self.summands

    @property
    def dual(self) -> Rep:
        """The sum of the duals."""
        return direct_sum(((m, rep.dual) for m, rep in self.summands), group=self.group)

    def _rho(self, g: Any) -> Any:
        return self._copies(g, [rep._rho(g) for _, rep in self.summands])

    def _drho(self, a: Any) -> Any:
        return self._copies(a, [rep._drho(a) for _, rep in self.summands])

    def _copies(self, like: Any, blocks: list[Any]) -> Any:
        pairs = zip(self.summands, blocks, strict=True)
        return matrices.block_diagonal(like, [b for (count, _), b in pairs for _ in range(count)])

    def __str__(self) -> str:
        if not self.summands:
            return "0"
        return " + ".join(str(rep) if m == 1 else f"{m}*{rep}" for m, rep in self.summands)


def direct_sum(terms: Iterable[tuple[int, Rep]], *, group: Group) -> Rep:
    """Add representations, gathering equal ones at the place of the first.

    Args:
        terms: Pairs of a multiplicity and a representation that is no sum.
        group: The group, for the case that there are none.

    Returns:
        The sum; the representation itself if it is only one.
    """
    counts: dict[Rep, int] = {}
    for multiplicity, rep in terms:
        counts[rep] = counts.get(rep, 0) + multiplicity
    summands = tuple((count, rep) for rep, count in counts.items() if count)
    if len(summands) == 1 and summands[0][0] == 1:
        return summands[0][1]
    return Sum(group, summands)


def _tensor(group: Group, factors: tuple[Rep, ...]) -> Rep:
    if not factors:
        return Scalar(group)
    return factors[0] if len(factors) == 1 else Tensor(group, factors)
