"""What every matrix group is: the contract that families implement."""

import abc
import dataclasses
import functools
import math
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike

from symjax_models.groups import enumeration, exponential

if TYPE_CHECKING:
    from symjax_models.groups.products import DirectProduct


class Group(abc.ABC):
    """State a matrix group as a frozen, hashable value.

    A group is known by its defining ``n x n`` matrices, which act on columns. Its connected part is
    spanned by ``lie_algebra`` and its components are reached by ``discrete_generators``: a linear
    map commutes with the group exactly when it commutes with both. The matrices are real unless
    ``is_complex``.

    A family is a dataclass decorated with ``@dataclasses.dataclass(frozen=True, repr=False)``. It
    gives ``n``, ``_sample`` and ``_residual``, those of ``_make_lie_algebra`` and
    ``_make_discrete_generators`` that are not empty, and ``order`` where a formula knows it. Two
    groups are equal when their class and fields are, so a group can key a cache and be a static
    argument of ``jax.jit``.
    """

    is_complex: bool = False
    # How exact the generators are. Where no formula knows the equivariant maps, they are solved
    # for: singular values of the constraints up to here, relative to the norm of the generators'
    # matrices, count as zero.
    tolerance: float = 1e-9

    @property
    @abc.abstractmethod
    def n(self) -> int:
        """Size of the defining matrices."""

    @property
    def lie_algebra(self) -> np.ndarray:
        """Basis of the Lie algebra as a real vector space, ``[D, n, n]``, read-only.

        float64, or complex128 if ``is_complex``: anti-Hermitian matrices for ``U(n)``. ``D = 0`` if
        the group is discrete.
        """
        return _lie_algebra(self)

    @property
    def discrete_generators(self) -> np.ndarray:
        """Generators beyond ``lie_algebra``, ``[M, n, n]``, in its dtype, read-only."""
        return _discrete_generators(self)

    @property
    def order(self) -> int | float:
        """The number of elements: an ``int``, or ``math.inf``."""
        return math.inf if len(self.lie_algebra) else _counted_order(self)

    @property
    def elements(self) -> np.ndarray:
        """All elements of a finite group, ``[order, n, n]``, identity first, read-only.

        They are found by multiplying with ``discrete_generators``, breadth first, so their order is
        a function of the generators alone. Values are exact to 1e-9.

        Raises:
          ValueError: if ``order`` is above ``enumeration.LIMIT``.
        """
        if self.order > enumeration.LIMIT:
            raise ValueError(
                f"expected a group of at most {enumeration.LIMIT} elements to list, "
                f"got {self!r} of order {self.order}; draw from it with sample()"
            )
        return _elements(self)

    @property
    def is_orthogonal(self) -> bool:
        """Whether every generator is orthogonal (unitary): so are all elements then."""
        return _is_orthogonal(self)

    @property
    def is_compact(self) -> bool:
        """Whether the group is finite or made of orthogonal (unitary) matrices."""
        return self.is_orthogonal or self.order < math.inf

    def exp(self, coordinates: ArrayLike) -> jax.Array:
        """Exponentiate elements of the Lie algebra: ``exp(sum_d c_d A_d)``.

        Args:
          coordinates: ``c``, coefficients of ``lie_algebra``, ``[..., D]``.

        Returns:
          Elements ``[..., n, n]`` in the floating dtype of ``c``, or the complex one that goes
          with it. Differentiable, and works under ``jax.jit``.

        Raises:
          ValueError: if the last axis is not ``D`` long.
        """
        return exponential.exp(coordinates, self.lie_algebra, owner=repr(self))

    def log(self, matrix: ArrayLike) -> np.ndarray:
        """Find coordinates with ``exp(log(g)) = g``, on the host in float64.

        Args:
          matrix: elements ``g``, ``[..., n, n]``.

        Returns:
          Coordinates ``[..., D]`` float64: of the principal logarithm where that lies in the Lie
          algebra.

        Raises:
          ValueError: if the shape is wrong, or no logarithm in the Lie algebra was found for an
            element: as for all elements outside the connected part.
        """
        array = self._checked(matrix)
        return exponential.log(array, self.lie_algebra, self._logarithm, owner=repr(self))

    def sample(
        self, key: jax.Array, shape: Sequence[int] = (), *, dtype: DTypeLike | None = None
    ) -> jax.Array:
        """Draw elements: by Haar measure where the group is compact, else by the family's law.

        Args:
          key: a typed key, from ``jax.random.key``.
          shape: batch shape of the draw.
          dtype: real floating dtype of the matrices; the default float of JAX when None. Matrices
            of a complex group have the complex dtype that goes with it.

        Returns:
          Matrices ``[*shape, n, n]``, a function of ``key``, ``shape`` and ``dtype`` alone.

        Raises:
          ValueError: for an untyped key, a dtype that is not floating, or float64 while
            ``jax.enable_x64`` is off.
        """
        found = getattr(key, "dtype", type(key).__name__)
        if isinstance(found, str) or not jnp.issubdtype(found, jax.dtypes.prng_key):
            raise ValueError(f"expected a typed key, as from jax.random.key(0), got {found}")
        dtype = np.dtype(jnp.result_type(float) if dtype is None else dtype)
        if not jnp.issubdtype(dtype, jnp.floating):
            raise ValueError(f"expected a floating dtype such as float32, got {dtype}")
        if dtype == np.float64 and jnp.result_type(float) != dtype:
            raise ValueError("float64 elements need jax.enable_x64; it is off, so take float32")
        # There is no QR in half precision. The draw must not depend on jax.enable_x64, so the dtype
        # it is made in is never left to the default.
        working_dtype = jnp.promote_types(dtype, jnp.float32)
        result_dtype = jnp.promote_types(dtype, jnp.complex64) if self.is_complex else dtype
        with jax.default_matmul_precision("highest"):
            return self._sample(key, tuple(shape), working_dtype).astype(result_dtype)

    def residual(self, matrix: ArrayLike) -> np.ndarray:
        """Measure how far matrices are from satisfying the group's defining equations.

        Args:
          matrix: matrices ``[..., n, n]``.

        Returns:
          The largest absolute violation, ``[...]`` float64: zero for elements of the group,
          infinite for a matrix that is not finite or breaks a strict inequality (``det g > 0``).

        Raises:
          ValueError: if the last two axes are not ``n`` and ``n``, or the matrices are complex and
            the group is not.
        """
        array = self._checked(matrix)
        finite = np.isfinite(array).all(axis=(-2, -1))
        safe = np.where(finite[..., None, None], array, np.eye(self.n))
        return np.where(finite, self._residual(safe), np.inf)

    def contains(self, matrix: ArrayLike, *, tolerance: float = 1e-5) -> np.ndarray:
        """Tell which matrices belong to the group.

        Args:
          matrix: matrices ``[..., n, n]``.
          tolerance: largest ``residual`` allowed; the default suits float32 elements.

        Returns:
          Booleans ``[...]``.
        """
        return np.asarray(self.residual(matrix) <= tolerance)

    def __mul__(self, other: "Group") -> "DirectProduct":
        # products is made of groups, so it cannot be imported before this class exists.
        from symjax_models.groups.products import DirectProduct

        return DirectProduct(self, other) if isinstance(other, Group) else NotImplemented

    def __repr__(self) -> str:
        fields = dataclasses.fields(self)  # pyright: ignore[reportArgumentType]
        return f"{type(self).__name__}({', '.join(repr(getattr(self, f.name)) for f in fields)})"

    @abc.abstractmethod
    def _sample(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        """Draw ``[*shape, n, n]`` in ``dtype``, float32 or float64, from checked arguments."""

    @abc.abstractmethod
    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        """Measure the violation ``[...]`` of float64 (complex128) matrices ``[..., n, n]``."""

    def _make_lie_algebra(self) -> np.ndarray:
        return np.zeros((0, self.n, self.n))

    def _make_discrete_generators(self) -> np.ndarray:
        return np.zeros((0, self.n, self.n))

    def _logarithm(self, matrix: np.ndarray) -> np.ndarray:
        """Take a logarithm of one matrix ``[n, n]``, in the Lie algebra if there is one."""
        return exponential.principal_logarithm(matrix)

    def _checked(self, matrix: ArrayLike) -> np.ndarray:
        array = np.asarray(matrix)
        if array.shape[-2:] != (self.n, self.n):
            raise ValueError(
                f"{self!r} has matrices of shape [..., {self.n}, {self.n}], got {array.shape}"
            )
        if np.iscomplexobj(array) and not self.is_complex:
            raise ValueError(f"{self!r} has real matrices, got {array.dtype}")
        return array.astype(_dtype(self))


def check_size(value: int, *, name: str) -> int:
    """Return a group's size as an ``int``, or raise ``ValueError`` if it is not one of 1, 2, ..."""
    try:
        size = operator.index(value)
    except TypeError:
        size = 0
    if isinstance(value, bool) or size < 1:
        raise ValueError(f"{name} needs a whole number n >= 1, got {value!r}")
    return size


@functools.lru_cache(maxsize=256)
def _lie_algebra(group: Group) -> np.ndarray:
    return _read_only(group._make_lie_algebra(), _dtype(group))


@functools.lru_cache(maxsize=256)
def _discrete_generators(group: Group) -> np.ndarray:
    return _read_only(group._make_discrete_generators(), _dtype(group))


# Lists of elements may be large, so few are kept.
@functools.lru_cache(maxsize=16)
def _elements(group: Group) -> np.ndarray:
    return _read_only(enumeration.closure(group.discrete_generators), _dtype(group))


@functools.lru_cache(maxsize=256)
def _counted_order(group: Group) -> int | float:
    elements = enumeration.closure(group.discrete_generators)
    return math.inf if elements is None else len(elements)


@functools.lru_cache(maxsize=256)
def _is_orthogonal(group: Group) -> bool:
    algebra, discrete = group.lie_algebra, group.discrete_generators
    bend = algebra + algebra.conj().swapaxes(-2, -1)
    stretch = discrete.conj().swapaxes(-2, -1) @ discrete - np.eye(group.n)
    return bool(max(np.abs(bend).max(initial=0.0), np.abs(stretch).max(initial=0.0)) < 1e-9)


def _dtype(group: Group) -> type:
    return np.complex128 if group.is_complex else np.float64


def _read_only(array: np.ndarray | None, dtype: type) -> np.ndarray:
    # Callers share the cached array, so nobody may write to it.
    array = np.array(array, dtype)
    array.setflags(write=False)
    return array
