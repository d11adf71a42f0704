"""What every matrix group is: the contract that families implement."""

import abc
import dataclasses
import functools
import operator
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike


class Group(abc.ABC):
    """State a matrix group as a frozen, hashable value.

    A group is known by its defining real ``n x n`` matrices, which act on columns. Its connected
    part is spanned by ``lie_algebra`` and its components are reached by ``discrete_generators``:
    a linear map commutes with the group exactly when it commutes with both.

    A family is a dataclass decorated with ``@dataclasses.dataclass(frozen=True, repr=False)``. It
    gives ``n``, ``_sample`` and ``_residual``, and those of ``_make_lie_algebra`` and
    ``_make_discrete_generators`` that are not empty. Two groups are equal when their class and
    fields are, so a group can key a cache and be a static argument of ``jax.jit``.
    """

    @property
    @abc.abstractmethod
    def n(self) -> int:
        """Size of the defining matrices."""

    @property
    def lie_algebra(self) -> np.ndarray:
        """Basis of the Lie algebra, ``[D, n, n]`` float64, read-only; ``D = 0`` if discrete."""
        return _lie_algebra(self)

    @property
    def discrete_generators(self) -> np.ndarray:
        """Generators beyond ``lie_algebra``, ``[M, n, n]`` float64, read-only."""
        return _discrete_generators(self)

    def sample(
        self, key: jax.Array, shape: Sequence[int] = (), *, dtype: DTypeLike | None = None
    ) -> jax.Array:
        """Draw elements: by Haar measure where the group is compact, else by the family's law.

        Args:
          key: a typed key, from ``jax.random.key``.
          shape: batch shape of the draw.
          dtype: floating dtype of the matrices; the default float of JAX when None.

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
        return self._sample(key, tuple(shape), working_dtype).astype(dtype)

    def residual(self, matrix: ArrayLike) -> np.ndarray:
        """Measure how far matrices are from satisfying the group's defining equations.

        Args:
          matrix: matrices ``[..., n, n]``.

        Returns:
          The largest absolute violation, ``[...]`` float64: zero for elements of the group,
          infinite for a matrix that is not finite.

        Raises:
          ValueError: if the last two axes are not ``n`` and ``n``.
        """
        array = np.asarray(matrix, np.float64)
        if array.shape[-2:] != (self.n, self.n):
            raise ValueError(
                f"{self!r} has matrices of shape [..., {self.n}, {self.n}], got {array.shape}"
            )
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

    def __repr__(self) -> str:
        fields = dataclasses.fields(self)  # pyright: ignore[reportArgumentType]
        return f"{type(self).__name__}({', '.join(repr(getattr(self, f.name)) for f in fields)})"

    @abc.abstractmethod
    def _sample(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        """Draw ``[*shape, n, n]`` in ``dtype``, float32 or float64, from checked arguments."""

    @abc.abstractmethod
    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        """Measure the violation ``[...]`` of float64 matrices ``[..., n, n]``."""

    def _make_lie_algebra(self) -> np.ndarray:
        return np.zeros((0, self.n, self.n))

    def _make_discrete_generators(self) -> np.ndarray:
        return np.zeros((0, self.n, self.n))


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
    return _read_only(group._make_lie_algebra())


@functools.lru_cache(maxsize=256)
def _discrete_generators(group: Group) -> np.ndarray:
    return _read_only(group._make_discrete_generators())


def _read_only(array: np.ndarray) -> np.ndarray:
    # Callers share the cached array, so nobody may write to it.
    array = np.array(array, np.float64)
    array.setflags(write=False)
    return array
