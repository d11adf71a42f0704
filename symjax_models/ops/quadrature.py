"""Rules that integrate polynomials over the sphere exactly, in float64 NumPy.

The axes are e3nn's, as everywhere here: the polar axis is y, and the azimuth runs from z to x.
"""

import dataclasses
import functools
import math

import numpy as np

from symjax_models import suggestion
from symjax_models.reps.checks import check_count

_LEBEDEV_DEGREES = (*range(3, 32, 2), *range(35, 132, 6))


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Quadrature:
    """Hold points and weights: the integral of f over the sphere is the sum of w_p f(x_p).

    Compared and hashed by value, so that it can be a static argument and a key of a cache.

    Args:
        points: Unit vectors x, `[P, 3]`.
        weights: w, `[P]`, with sum 4 pi.
        degree: The highest degree of polynomials in (x, y, z) that the rule integrates exactly.
        kind: The family of the rule.

    Raises:
        ValueError: If points and weights do not fit together, or the sum is wrong.
    """

    points: np.ndarray
    weights: np.ndarray
    degree: int
    kind: str

    def __post_init__(self):
        points, weights = (np.array(x, np.float64) for x in (self.points, self.weights))
        if points.ndim != 2 or points.shape[1] != 3 or weights.shape != points.shape[:1]:
            raise ValueError(
                f"expected points [P, 3] and weights [P], got {points.shape} and {weights.shape}"
            )
        if abs(weights.sum() - 4 * math.pi) > 1e-9:
            raise ValueError(f"weights have the sum 4 pi = 12.566..., got {weights.sum()}")
        for name, array in (("points", points), ("weights", weights)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @property
    def size(self) -> int:
        """The number of points, P."""
        return len(self.weights)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quadrature) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    @functools.cached_property
    def _value(self) -> tuple[str, int, bytes, bytes]:
        return self.kind, self.degree, self.weights.tobytes(), self.points.tobytes()

    def __repr__(self) -> str:
        return f"Quadrature(kind={self.kind!r}, degree={self.degree}, size={self.size})"


def make_quadrature(degree: int, *, kind: str = "auto") -> Quadrature:
    """Return the rule with the fewest points that is exact to a degree and has no negative weight.

    Args:
        degree: The degree asked for, at least 0.
        kind: The family, "gauss_legendre" or "lebedev"; "auto" for either (and of two rules with
            equally many points that of higher degree).

    Returns:
        The rule; its own `degree` may be higher.

    Raises:
        ValueError: If the kind is unknown, or has no rule of that degree.

    >>> make_quadrature(12)
    Quadrature(kind='lebedev', degree=15, size=86)
    """
    kinds = ["auto", "gauss_legendre", "lebedev"]
    if kind not in kinds:
        raise ValueError(f"unknown quadrature {kind!r}; {suggestion.nearest_of(kind, kinds)}")
    degree = check_count(degree, what="the degree of a quadrature")
    rules = []
    if kind != "lebedev":
        rules.append(gauss_legendre_quadrature(degree))
    if kind == "lebedev" or (kind == "auto" and degree <= _LEBEDEV_DEGREES[-1]):
        rule = lebedev_quadrature(degree)
        while rule.weights.min() < 0:
            rule = lebedev_quadrature(rule.degree + 1)
        rules.append(rule)
    return min(rules, key=lambda rule: (rule.size, -rule.degree))


def gauss_legendre_quadrature(degree: int) -> Quadrature:
    """Return the product of a Gauss-Legendre rule along y and even steps around y.

    ceil((d+1)/2) heights times d+1 angles; point p = i (d+1) + j is at height i, from -1 to 1,
    and angle 2 pi j / (d+1).

    Args:
        degree: d, at least 0.

    Returns:
        The rule, with positive weights; a grid of (d+1)/2 x (d+1), for values to be reshaped to.

    Raises:
        ValueError: If the degree is no whole number of at least 0.

    Source:
        Abramowitz and Stegun (1964), 25.4.29; a wave of order m sums to zero over n > |m| steps.

    >>> gauss_legendre_quadrature(6).size
    28
    """
    return _gauss_legendre(check_count(degree, what="the degree of a quadrature"))


def lebedev_quadrature(degree: int) -> Quadrature:
    """Return the smallest Lebedev rule that is exact to a degree.

    Its points are closed under the 48 rotations and reflections of the cube, so they favour no
    axis, and about a third fewer than those of the product rule.

    Args:
        degree: From 0 to 131.

    Returns:
        The rule of the next tabulated degree: every odd one from 3 to 31, and every sixth from
        35 to 131. Those of degree 13, 25 and 27 have negative weights; the others have not, and
        `make_quadrature` returns only those.

    Raises:
        ValueError: If the degree is no whole number of at least 0, or above 131.

    Source:
        Lebedev and Laikov (1999), Doklady Mathematics 59, 477-481, in SciPy's tables.

    >>> lebedev_quadrature(5).size
    14
    """
    degree = check_count(degree, what="the degree of a quadrature")
    if degree > _LEBEDEV_DEGREES[-1]:
        raise ValueError(
            f"Lebedev rules are tabulated to degree {_LEBEDEV_DEGREES[-1]}, got {degree}; "
            "gauss_legendre_quadrature has every degree"
        )
    return _lebedev(min(known for known in _LEBEDEV_DEGREES if known >= degree))


@functools.lru_cache
def _gauss_legendre(degree: int) -> Quadrature:
    heights, weights = np.polynomial.legendre.leggauss((degree + 2) // 2)
    steps = degree + 1
    angles = 2 * math.pi * np.arange(steps) / steps
    radii = np.sqrt((1 - heights) * (1 + heights))
    points = np.empty((len(heights), steps, 3))
    points[..., 0] = radii[:, None] * np.sin(angles)
    points[..., 1] = heights[:, None]
    points[..., 2] = radii[:, None] * np.cos(angles)
    return Quadrature(
        points=points.reshape(-1, 3),
        weights=np.repeat(weights * (2 * math.pi / steps), steps),
        degree=degree,
        kind="gauss_legendre",
    )


@functools.lru_cache
def _lebedev(degree: int) -> Quadrature:
    # SciPy's integration package takes long to import, and few runs need this rule.
    from scipy import integrate

    points, weights = integrate.lebedev_rule(degree)
    return Quadrature(points=points.T, weights=weights, degree=degree, kind="lebedev")
