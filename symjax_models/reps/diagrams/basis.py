"""A basis of equivariant maps given by diagrams, applied without forming a matrix."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

from symjax_models.reps import base, matrices
from symjax_models.reps.diagrams import points
from symjax_models.reps.diagrams.halves import Diagram, InputHalf, OutputHalf

# Columns of the factorization that are worked on together.
_BLOCK = 64


@dataclasses.dataclass(frozen=True)
class _Kind:
    """Diagrams whose halves fit together.

    Args:
        sources: Their input halves, P.
        orders: Orders of the legs, S.
        targets: Their output halves, Q.
        index: Number of each diagram `[S, P, Q]`; that of none is K.
    """

    sources: tuple[InputHalf, ...]
    orders: tuple[tuple[int, ...], ...]
    targets: tuple[OutputHalf, ...]
    index: np.ndarray


class DiagramBasis:
    """Hold an orthonormal basis of Hom_G(rep_in, rep_out) made of diagrams.

    Args:
        rep_in: What the maps take.
        rep_out: What they return.
        diagrams: Linearly independent diagrams, K of them.
        coordinates: Coefficients `[K, K]` of the orthonormal basis vectors (second axis).
        form: The invariant bilinear form; None for the identity or none.
        method: The name of the closed form, for people.
    """

    def __init__(
        self,
        rep_in: base.Rep,
        rep_out: base.Rep,
        *,
        diagrams: list[Diagram],
        coordinates: np.ndarray,
        form: np.ndarray | None,
        method: str,
    ) -> None:
        self.rep_in, self.rep_out, self.method = rep_in, rep_out, method
        self.size = len(diagrams)
        self._coordinates, self._form = coordinates, form
        self._inverse_form = None if form is None else np.linalg.inv(form)
        self._kinds = _group(diagrams)

    def apply(self, weights: Any, x: Any) -> Any:
        """Apply a combination of the basis maps, with its own weights for each pair of channels.

        Args:
            weights: Coefficients of the basis maps, `[K, C_in, C_out]`.
            x: Components `[..., D_in, C_in]`.

        Returns:
            Components `[..., D_out, C_out]`.
        """
        return self._apply(weights, [self._to_vectors(x, self.rep_in)])

    def apply_product(self, weights: Any, x: Any, y: Any, *, reps: tuple[base.Rep, ...]) -> Any:
        """Apply a combination of the basis maps to products of features, channel by channel.

        Args:
            weights: Coefficients of the basis maps, `[K, C_in, C_out]`.
            x: Components `[..., D_1, C_in]`.
            y: Components `[..., D_2, C_in]`.
            reps: The representations of x and y, whose product is `rep_in`.

        Returns:
            Components `[..., D_out, C_out]`. The products themselves are never formed.
        """
        pairs = zip((x, y), reps, strict=True)
        return self._apply(weights, [self._to_vectors(part, rep) for part, rep in pairs])

    def _to_vectors(self, x: Any, rep: base.Rep) -> Any:
        """Return a tensor with one axis per point, all of them vectors if there is a form."""
        return self._lower(points.embed(rep, x), rep, self._inverse_form)

    def _apply(self, weights: Any, tensors: list[Any]) -> Any:
        xp, n = matrices.namespace(weights), self.rep_in.group.n
        flat = weights.reshape(self.size, math.prod(weights.shape[1:]))
        coefficients = matrices.matmul(xp.asarray(self._coordinates, weights.dtype), flat)
        coefficients = coefficients.reshape(weights.shape)
        none = xp.zeros((1, *weights.shape[1:]), weights.dtype)
        coefficients = xp.concatenate([coefficients, none])
        num_in, num_out = len(_types(self.rep_in)), len(_types(self.rep_out))
        num_axes = sum(tensor.ndim - 1 for tensor in tensors) - num_in
        batch = tensors[0].shape[: num_axes // len(tensors)]
        total = xp.zeros((*batch, *(n,) * num_out, weights.shape[-1]), tensors[0].dtype)
        for kind in self._kinds:
            mixed = self._mix(
                kind, tensors, coefficients[xp.asarray(kind.index)], num_batch=len(batch)
            )
            for number, target in enumerate(kind.targets):
                piece = target.spread(mixed[..., number, :], n=n, form=self._inverse_form)
                total = total + piece
        return points.project(self.rep_out, self._lower(total, self.rep_out, self._form))

    def dense(self) -> np.ndarray:
        """Return the basis maps as matrices, `[K, D_out, D_in]` float64."""
        return matrices.maps_of(self)

    def _mix(self, kind: _Kind, tensors: list[Any], weights: Any, *, num_batch: int) -> Any:
        """Reduce to legs, and mix halves and channels: `[..., n, ..., n, Q, C_out]`."""
        xp = matrices.namespace(weights)
        reduced = xp.stack(
            [
                source.reduce(tensors, form=self._form, inverse=self._inverse_form)
                for source in kind.sources
            ],
            axis=-2,
        )
        batch, num_legs = tuple(range(num_batch)), reduced.ndim - num_batch - 2
        fixed = range(len(kind.orders[0]), num_legs)
        ordered = xp.stack(
            [
                reduced.transpose(*batch, *(num_batch + leg for leg in (*order, *fixed)), -2, -1)
                for order in kind.orders
            ],
            axis=-3,
        )
        # weights: [S, P, Q, C_in, C_out] -> [(S, P, C_in), (Q, C_out)]
        orders, sources, targets, inputs, outputs = weights.shape
        matrix = weights.transpose(0, 1, 3, 2, 4).reshape(
            orders * sources * inputs, targets * outputs
        )
        mixed = matrices.matmul(ordered.reshape(*ordered.shape[:-3], len(matrix)), matrix)
        return mixed.reshape(*mixed.shape[:-1], targets, outputs)

    def _lower(self, x: Any, rep: base.Rep, form: np.ndarray | None) -> Any:
        """Turn the covector axes of a tensor into vector axes, or back, by the form."""
        types = _types(rep)
        if form is None:
            return x
        for point, kind in enumerate(types):
            if kind < 0:
                x = points.contract(form, x, axis=x.ndim - 1 - len(types) + point)
        return x


def select(
    diagrams: list[Any], gram: np.ndarray, *, tolerance: float = 1e-9
) -> tuple[list[int], np.ndarray]:
    """Choose the first linearly independent diagrams and an orthonormal basis of their span.

    The choice is the one of a greedy pass in the order given, so it does not depend on rounding:
    the residual of a dependent diagram is rounding noise, that of an independent one is not.

    Args:
        diagrams: The diagrams.
        gram: Their inner products, `[K, K]`.
        tolerance: Largest squared residual, relative to the squared norm, of a dependent one.

    Returns:
        Indices of the diagrams chosen, r of them, and coordinates `[r, r]`: column k has the
        coefficients of orthonormal vector k.
    """
    norms = np.sqrt(np.diag(gram))
    scaled = gram / np.outer(norms, norms)
    chosen: list[int] = []
    # Row i of the factor: the components of diagram i along the orthonormal vectors found so far.
    factor = np.zeros(gram.shape)
    for start in range(0, len(diagrams), _BLOCK):
        known = len(chosen)
        # A block of columns at a time, so that nearly all work is in matrix products.
        block = scaled[start:, start : start + _BLOCK]
        block = block - factor[start:, :known] @ factor[start : start + _BLOCK, :known].T
        found, corner = _factorize(block[: block.shape[1]], tolerance)
        if found:
            rows = scipy.linalg.solve_triangular(corner, block[:, found].T, lower=True)
            factor[start:, known : known + len(found)] = rows.T
        chosen += [start + i for i in found]
    triangle = np.tril(factor[chosen, : len(chosen)])
    (invert,) = scipy.linalg.get_lapack_funcs(("trtri",), (triangle,))
    inverse, _ = invert(triangle, lower=1) if chosen else (triangle, 0)
    return chosen, inverse.T / norms[chosen, None]


def _factorize(gram: np.ndarray, tolerance: float) -> tuple[list[int], np.ndarray]:
    """Choose the first independent rows of a small matrix; return them and their triangle."""
    rest, chosen, columns = gram, [], []
    for i in range(len(gram)):
        if rest[i, i] > tolerance:
            columns.append(rest[:, i] / np.sqrt(rest[i, i]))
            rest = rest - np.outer(columns[-1], columns[-1])
            chosen.append(i)
    triangle = np.reshape(columns, (-1, len(gram))).T
    return chosen, np.tril(triangle[chosen])


def symmetrize(
    diagrams: list[Any],
    gram: np.ndarray,
    exchanges: list[tuple[Callable[[Any], tuple[Any, float]], int]],
) -> tuple[list[Any], np.ndarray]:
    """Restrict diagrams to symmetrized axes.

    Args:
        diagrams: The diagrams.
        gram: Their inner products.
        exchanges: Symmetries: how each acts on a diagram, to a diagram times a sign, and the sign
            that a map of the symmetrized axes must take up.

    Returns:
        One diagram for each orbit that does not vanish, and the inner products of the orbits'
        averages, which are the diagrams between the embedded representations.
    """
    number = {diagram: i for i, diagram in enumerate(diagrams)}
    orbit_of: dict[int, int] = {}
    columns, first, vanishing = [], [], set()
    for start in range(len(diagrams)):
        if start in orbit_of:
            continue
        signs, waiting, orbit = {start: 1.0}, [start], len(columns)
        while waiting:
            i = waiting.pop()
            orbit_of[i] = orbit
            for act, wanted in exchanges:
                image, sign = act(diagrams[i])
                j, value = number[image], signs[i] * sign * wanted
                if j not in signs:
                    signs[j] = value
                    waiting.append(j)
                elif signs[j] != value:
                    vanishing.add(orbit)
        column = np.zeros(len(diagrams))
        column[list(signs)] = np.array(list(signs.values())) / len(signs)
        columns.append(column)
        first.append(start)
    kept = [orbit for orbit in range(len(columns)) if orbit not in vanishing]
    average = np.array([columns[orbit] for orbit in kept]).reshape(len(kept), len(diagrams))
    return [diagrams[first[orbit]] for orbit in kept], average @ gram @ average.T


def _group(diagrams: list[Diagram]) -> list[_Kind]:
    by_kind: dict[tuple[int, ...], list[int]] = {}
    for i, diagram in enumerate(diagrams):
        by_kind.setdefault(diagram.source.kind, []).append(i)
    kinds = []
    for members in by_kind.values():
        sources = tuple(dict.fromkeys(diagrams[i].source for i in members))
        orders = tuple(dict.fromkeys(diagrams[i].order for i in members))
        targets = tuple(dict.fromkeys(diagrams[i].target for i in members))
        # Not int64, which JAX traces differently once it was seen with 64 bits switched on.
        shape = (len(orders), len(sources), len(targets))
        index = np.full(shape, len(diagrams), np.int32)
        for i in members:
            diagram = diagrams[i]
            place = (
                orders.index(diagram.order),
                sources.index(diagram.source),
                targets.index(diagram.target),
            )
            index[place] = i
        kinds.append(_Kind(sources, orders, targets, index))
    return kinds


@functools.lru_cache(maxsize=1024)
def _types(rep: base.Rep) -> tuple[int, ...]:
    found = points.points_of(rep)
    assert found is not None
    return found.types
