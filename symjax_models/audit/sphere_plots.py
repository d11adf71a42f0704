"""Pictures of features of O(3): signals on the sphere, lobes of irreps, paths, filters.

Each function returns a figure of matplotlib, raises `ImportError` where that is not installed, and
needs no display. Blue is positive and orange negative.
"""

import math
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

from symjax_models.ops.harmonics import solid_harmonics
from symjax_models.ops.tensor_products import TensorProductPlan
from symjax_models.reps import RepArray, format_irreps
from symjax_models.reps.rotation_irreps import kind_of_irrep, rotation_irrep
from symjax_models.suggestion import nearest_of
from symjax_models.typing import ArrayLike

# Blue and orange stay apart for colour-blind readers (Okabe and Ito).
_POSITIVE, _NEGATIVE = "#0072b2", "#e69f00"
_HEIGHTS, _ANGLES = 61, 121
_STYLES = ("sphere", "surface")


def plot_signal(
    coefficients: RepArray | ArrayLike,
    *,
    style: str = "surface",
    path: str | pathlib.Path | None = None,
) -> Any:
    """Draw signals on the sphere, given by coefficients of harmonics, one panel per channel.

    Args:
        coefficients: c, `[(L+1)^2, C]`, of orthonormal harmonics; or features of irreps of
            harmonics with the same number C of copies and no batch axes, where degrees that are
            missing count as zero.
        style: `"surface"` draws the radius |f| in every direction, `"sphere"` colours the unit
            sphere by f.
        path: File to save to.

    Returns:
        The figure. All panels have one scale.

    Raises:
        ValueError: If the coefficients are not of this kind, or the style is unknown.
    """
    if style not in _STYLES:
        raise ValueError(f"unknown style {style!r}; {nearest_of(style, _STYLES)}")
    values = _as_coefficients(coefficients)
    max_degree = math.isqrt(len(values)) - 1
    harmonics = solid_harmonics(_grid(), max_degree=max_degree, normalization="integral")
    signals = np.moveaxis(harmonics @ values, -1, 0)
    titles = [f"channel {c}" for c in range(len(signals))] if len(signals) > 1 else [""]
    figure = _draw_panels([list(zip(signals, titles, strict=True))], style)
    figure.suptitle(f"signal on the sphere of degree {max_degree}", fontsize=10)
    return _saved(figure, path)


def plot_features(x: RepArray, *, path: str | pathlib.Path | None = None) -> Any:
    """Draw features of O(3) or SO(3), one panel per copy of an irrep.

    The panel of a copy with components x_m is the surface of radius |sum_m x_m Y_m| with the
    harmonics of its degree in the normalization "norm": a sphere for a scalar, and for a vector
    two lobes of its length, of which the blue one points along it. Where the parity is not that of
    the harmonics the picture turns likewise, and changes its sign under reflections.

    Args:
        x: Features without batch axes.
        path: File to save to.

    Returns:
        The figure: one row per irrep, one column per copy, all on one scale.

    Raises:
        ValueError: If there are batch axes, no copies, or a summand is no irrep.
    """
    if x.shape or not x.rep.dim:
        raise ValueError(f"expected features without batch axes to draw, such as x[0], got {x!r}")
    rows = []
    for (_, term), block in zip(x.rep.terms, x.blocks, strict=True):
        degree, _ = kind_of_irrep(term)
        harmonics = solid_harmonics(_grid(), max_degree=degree, normalization="norm")
        signals = np.moveaxis(harmonics[..., degree**2 :] @ np.asarray(block, float), -1, 0)
        name = format_irreps(term).removeprefix("1x")
        rows.append([(signal, f"{name}, copy {c}") for c, signal in enumerate(signals)])
    figure = _draw_panels(rows, "surface")
    figure.suptitle(f"features {format_irreps(x.rep)}", fontsize=10)
    return _saved(figure, path)


def plot_paths(plan: TensorProductPlan, *, path: str | pathlib.Path | None = None) -> Any:
    """Draw which irreps a tensor product couples, and by which irreps of the second factor.

    Args:
        plan: The product.
        path: File to save to.

    Returns:
        The figure: a table with one row per irrep of `rep1` and one column per irrep of `rep_out`.
        A cell lists the irreps of `rep2` on the paths, by degree alone if all are harmonics, and
        its colour is the number of paths. At the sides stand those of whole rows and columns.
    """
    rows, factors, columns = (
        [format_irreps(term).removeprefix("1x") for _, term in rep.terms]
        for rep in (plan.rep1, plan.rep2, plan.rep_out)
    )
    if plan.has_harmonics:
        factors = [name.rstrip("eo") for name in factors]
    cells = [[[] for _ in columns] for _ in rows]
    for coupling in plan.paths:
        cells[coupling.index1][coupling.index_out].append(factors[coupling.index2])
    counts = np.array([[len(cell) for cell in row] for row in cells])
    figure = _new_figure(max(3.8, 1.6 + 0.75 * len(columns)), 1.7 + 0.5 * len(rows))
    axes = figure.subplots()
    axes.imshow(counts, cmap="Blues", vmin=0, vmax=1.6 * counts.max(), aspect="auto")
    for i, j in np.ndindex(counts.shape):
        axes.text(j, i, " ".join(cells[i][j]), ha="center", va="center", fontsize=8)
    for axis, names in ((axes.xaxis, columns), (axes.yaxis, rows)):
        axis.set_ticks(range(len(names)), names)
        axis.set_ticks(np.arange(1, len(names)) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="both", length=0, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)
    for i, count in enumerate(counts.sum(1)):
        axes.text(len(columns) - 0.42, i, f"{count}", va="center", fontsize=8, color="0.45")
    for j, count in enumerate(counts.sum(0)):
        axes.text(j, len(rows) - 0.42, f"{count}", ha="center", va="top", fontsize=8, color="0.45")
    axes.xaxis.set_label_position("top")
    axes.set(xlabel="irrep of the product", ylabel="irrep of the features")
    names = "degrees of harmonics" if plan.has_harmonics else "irreps of the second factor"
    figure.suptitle(f"paths, by {names}: {plan.num_paths} in all", fontsize=10)
    return _saved(figure, path)


def plot_filter(
    radial: Callable[[np.ndarray], ArrayLike],
    *,
    max_degree: int,
    cutoff: float,
    path: str | pathlib.Path | None = None,
) -> Any:
    """Draw filters R_l(|r|) Y_l(r / |r|) in the plane z = 0, and their radial profiles.

    Of a degree the harmonic of order 0 is drawn, which is symmetric about the y axis; the others
    are sums of this one in other orientations. It is 1 along +y (normalization "norm").

    Args:
        radial: R, which takes distances `[N]` and returns a function per degree, `[N, L+1]`, or
            one for all, `[N, 1]`.
        max_degree: L.
        cutoff: The largest distance, where the pictures end.
        path: File to save to.

    Returns:
        The figure: one column per degree, the image, on a scale of its own, above the profile.

    Raises:
        ValueError: If `radial` returns another shape.
    """
    line, distances = np.linspace(-cutoff, cutoff, 161), np.linspace(0, cutoff, 200)
    plane = np.stack(np.broadcast_arrays(line, line[:, None], 0.0), axis=-1)
    lengths = np.linalg.norm(plane, axis=-1)
    units = plane / np.where(lengths == 0, 1, lengths)[..., None]
    harmonics = solid_harmonics(units, max_degree=max_degree, normalization="norm")
    degrees, where = np.arange(max_degree + 1), np.concatenate([distances, lengths.ravel()])
    weights = np.asarray(radial(where), float)
    if weights.shape not in ((len(where), 1), (len(where), len(degrees))):
        raise ValueError(
            f"radial takes distances [N] and returns [N, {len(degrees)}] or [N, 1], got "
            f"{weights.shape} for N = {len(where)}"
        )
    profiles, weights = np.split(weights + np.zeros(len(degrees)), [len(distances)])
    images = weights.reshape(*lengths.shape, -1) * harmonics[..., degrees * (degrees + 1)]
    images[lengths > cutoff] = np.nan
    figure = _new_figure(max(3.8, 0.5 + 1.9 * len(degrees)), 3.6)
    axes = figure.subplots(2, len(degrees), squeeze=False, sharey="row", height_ratios=[1.7, 1])
    for degree, image, profile in zip(degrees, *axes, strict=True):
        values, extent = images[..., degree], (-cutoff, cutoff, -cutoff, cutoff)
        colors = _colors(np.nanmax(np.abs(values)) or 1.0)
        image.imshow(values, extent=extent, origin="lower", cmap=colors.cmap, norm=colors.norm)
        image.set(title=f"l = {degree}", xlabel="x")
        profile.axhline(0, color="0.8", linewidth=0.8)
        profile.plot(distances, profiles[:, degree], color="black")
        profile.set(xlabel="distance", xlim=(0, cutoff))
        profile.spines[["top", "right"]].set_visible(False)
    axes[0, 0].set_ylabel("y")
    axes[1, 0].set_ylabel("R")
    figure.suptitle("filters of order 0 at z = 0, and radial functions", fontsize=10)
    return _saved(figure, path)


def _as_coefficients(coefficients: RepArray | ArrayLike) -> np.ndarray:
    """Return coefficients `[(L+1)^2, C]` in float64, or raise `ValueError`."""
    if not isinstance(coefficients, RepArray):
        values = np.asarray(coefficients, float)
        if values.ndim != 2 or not len(values) or math.isqrt(len(values)) ** 2 != len(values):
            raise ValueError(f"expected coefficients [(L+1)^2, C] to draw, got {values.shape}")
        return values
    x = coefficients
    degrees = [kind_of_irrep(term)[0] for _, term in x.rep.terms]
    harmonics = {rotation_irrep(x.rep.group, degree) for degree in degrees}
    channels = {count for count, _ in x.rep.terms}
    if x.shape or len(channels) != 1 or {term for _, term in x.rep.terms} != harmonics:
        raise ValueError(
            f"expected features of C x (0e + 1o + 2e + ...) without batch axes to draw, got {x!r}"
        )
    values = np.zeros(((max(degrees) + 1) ** 2, channels.pop()))
    for degree, block in zip(degrees, x.blocks, strict=True):
        values[degree**2 : (degree + 1) ** 2] = block
    return values


def _grid() -> np.ndarray:
    """Return unit vectors `[heights, angles, 3]` all around and nearly up to the poles."""
    # Faces that touch a pole would be triangles, whose shade comes out wrong.
    polar = np.linspace(1e-3, np.pi - 1e-3, _HEIGHTS)[:, None]
    azimuth = np.linspace(2 * np.pi, 0, _ANGLES)
    x, y, z = np.sin(polar) * np.sin(azimuth), np.cos(polar), np.sin(polar) * np.cos(azimuth)
    return np.stack(np.broadcast_arrays(x, y, z), axis=-1)


def _draw_panels(rows: list[list[tuple[np.ndarray, str]]], style: str) -> Any:
    """Draw signals at the points of `_grid`, each with a title, in rows of panels of one scale."""
    columns = max(len(row) for row in rows)
    limit = max(np.abs(signal).max() for row in rows for signal, _ in row) or 1.0
    figure = _new_figure(0.2 + 1.9 * columns + (style == "sphere"), 0.4 + 2.1 * len(rows))
    grid = figure.add_gridspec(len(rows), columns)
    for i, row in enumerate(rows):
        for j, (signal, title) in enumerate(row):
            axes = figure.add_subplot(grid[i, j], projection="3d")
            _draw_on_sphere(axes, signal / limit, style)
            axes.set_title(title, fontsize=9, pad=0)
    _draw_directions(figure.axes[0])
    if style == "sphere":
        figure.colorbar(_colors(limit), ax=list(figure.axes), shrink=0.7, label="f")
    return figure


def _draw_on_sphere(axes: Any, signal: np.ndarray, style: str) -> None:
    from matplotlib.colors import LightSource, to_rgba

    points = _grid()
    if style == "sphere":
        colors = _colors(1.0).to_rgba(signal)
    else:
        points = points * np.abs(signal)[..., None]
        colors = np.where(signal[..., None] > 0, to_rgba(_POSITIVE), to_rgba(_NEGATIVE))
    axes.plot_surface(
        *np.moveaxis(points, -1, 0),
        facecolors=colors,
        rcount=_HEIGHTS,
        ccount=_ANGLES,
        linewidth=0,
        antialiased=False,
        shade=style == "surface",
        lightsource=LightSource(azdeg=20, altdeg=40),
    )
    axes.set(xlim=(-1, 1), ylim=(-1, 1), zlim=(-1, 1))
    axes.set_box_aspect((1, 1, 1), zoom=1.35)
    axes.view_init(elev=20, azim=25, vertical_axis="y")
    axes.set_axis_off()


def _draw_directions(axes: Any) -> None:
    """Draw the axes of space in a corner."""
    corner = np.array([-1.1, -1.35, 0.0])
    for name, direction in zip("xyz", np.eye(3), strict=True):
        ends = np.stack([corner, corner + 0.3 * direction], axis=-1)
        axes.plot(*ends, color="0.5", linewidth=0.8)
        axes.text(*(corner + 0.42 * direction), name, fontsize=7, ha="center", va="center")


def _colors(limit: float) -> Any:
    """Return the scale of colours from -limit to limit."""
    from matplotlib import cm, colors

    diverging = colors.LinearSegmentedColormap.from_list("signs", [_NEGATIVE, "white", _POSITIVE])
    return cm.ScalarMappable(colors.Normalize(-limit, limit), diverging)


def _new_figure(width: float, height: float) -> Any:
    """Return an empty figure that needs no display, or raise `ImportError`."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("plots need matplotlib: pip install 'symjax_models[plots]'") from error
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _saved(figure: Any, path: str | pathlib.Path | None) -> Any:
    if path is not None:
        # The space that labels take is known only after a first drawing.
        figure.draw_without_rendering()
        figure.savefig(path)
    return figure
