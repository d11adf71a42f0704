"""Pictures: what is on them, read back from the artists of matplotlib."""

import sys

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.colors import to_rgba
from mpl_toolkits.mplot3d import Axes3D

from symjax_models import groups, reps
from symjax_models.audit import sphere_plots
from symjax_models.audit.sphere_plots import plot_features, plot_filter, plot_paths, plot_signal
from symjax_models.ops.tensor_products import TensorProductPlan

BLUE, ORANGE = (np.array(to_rgba(color)[:3]) for color in ("#0072b2", "#e69f00"))
RNG = np.random.default_rng(0)
O3 = groups.O(3)


@pytest.fixture(autouse=True)
def surfaces(monkeypatch):
    """Note what surfaces are made of, of fewer faces than usual."""
    monkeypatch.setattr(sphere_plots, "_HEIGHTS", 21)
    monkeypatch.setattr(sphere_plots, "_ANGLES", 41)
    draw = Axes3D.plot_surface

    def note(axes, x, y, z, *, facecolors, **options):
        axes.corners = np.stack([x, y, z], axis=-1).reshape(-1, 3)
        axes.colors = np.asarray(facecolors).reshape(-1, 4)[:, :3]
        return draw(axes, x, y, z, facecolors=facecolors, **options)

    monkeypatch.setattr(Axes3D, "plot_surface", note)


def features(text, group=O3):
    rep = reps.parse_irreps(text, group=group)
    return reps.RepArray(rep, [RNG.normal(size=(term.dim, count)) for count, term in rep.terms])


def panels(figure):
    return [axes for axes in figure.axes if axes.name == "3d"]


def corners(axes):
    """Return the corners `[F, 3]` of the faces of a surface and their colours."""
    return axes.corners, axes.colors


def test_lobes_of_a_vector_point_along_it():
    x = reps.RepArray(reps.vector(groups.O(3)), [np.array([[0.0], [2.0], [0.0]])])
    (axes,) = panels(plot_features(x))
    points, colors = corners(axes)
    is_blue = np.isclose(colors, BLUE).all(-1)
    assert (is_blue | np.isclose(colors, ORANGE).all(-1)).all()
    far = np.abs(points[:, 1]) > 0.1
    np.testing.assert_array_equal(is_blue[far], points[far, 1] > 0)
    # On the scale of the largest, which is this one.
    assert points[:, 1].max() == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1) ** 2, np.abs(points[:, 1]), atol=1e-6)


def test_a_panel_for_every_copy():
    x = features("2x0e+3x1o+1e+2x2e")
    figure = plot_features(x)
    assert [axes.get_title() for axes in panels(figure)] == [
        *("0e, copy 0", "0e, copy 1", "1o, copy 0", "1o, copy 1", "1o, copy 2"),
        *("1e, copy 0", "2e, copy 0", "2e, copy 1"),
    ]
    # One scale: the radius of a scalar's sphere is its size relative to the largest lobe.
    sizes = [np.linalg.norm(corners(axes)[0], axis=1).max() for axes in panels(figure)]
    assert max(sizes) == pytest.approx(1)
    scalars = np.abs(x["0e"][0])
    assert sizes[0] / sizes[1] == pytest.approx(scalars[0] / scalars[1])
    assert [axes.get_title() for axes in panels(plot_features(features("2", groups.SO(3))))]


@pytest.mark.parametrize("style", ["surface", "sphere"])
def test_signals_of_several_channels(style, tmp_path):
    x = features("3x0e+3x2e")
    figure = plot_signal(x, style=style, path=tmp_path / "signal.png")
    assert (tmp_path / "signal.png").read_bytes().startswith(b"\x89PNG")
    assert [axes.get_title() for axes in panels(figure)] == [f"channel {c}" for c in range(3)]
    for axes in panels(figure):
        radii = np.linalg.norm(corners(axes)[0], axis=1)
        assert (np.allclose(radii, 1)) == (style == "sphere")
    # As plain coefficients, with the missing degree, it is the same picture.
    array = np.zeros((9, 3))
    array[:1], array[4:] = x["0e"], x["2e"]
    again = plot_signal(array, style=style)
    for axes, other in zip(panels(figure), panels(again), strict=True):
        for found, expected in zip(corners(axes), corners(other), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-12)
    # Of another signal it is not.
    shifted = panels(plot_signal(np.roll(array, 1, axis=0), style=style))
    pairs = zip(corners(panels(figure)[-1]), corners(shifted[-1]), strict=True)
    assert max(np.abs(a - b).max() for a, b in pairs) > 0.05


def test_colours_of_the_sphere_are_those_of_the_sign():
    (axes,) = panels(plot_signal(np.eye(4)[:, 2:3], style="sphere"))
    points, colors = corners(axes)
    np.testing.assert_allclose(colors[points[:, 1].argmax()], BLUE, atol=0.02)
    np.testing.assert_allclose(colors[points[:, 1].argmin()], ORANGE, atol=0.02)
    equator = np.abs(points[:, 1]) < 1e-6
    assert equator.any() and colors[equator].min() > 0.98


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_table_of_paths(tmp_path):
    harmonics = reps.harmonic_irreps(2)
    figure = plot_paths(TensorProductPlan(harmonics, harmonics, harmonics), path=tmp_path / "p.png")
    (axes,) = figure.axes
    table = ["0", "1", "2", "1", "0 2", "1", "2", "1", "0 2"]
    assert texts(axes) == [*table, *("3", "4", "4"), *("3", "4", "4")]
    np.testing.assert_array_equal(axes.images[0].get_array(), [[1, 1, 1], [1, 2, 1], [1, 1, 2]])
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [label.get_text() for label in labels] == ["0e", "1o", "2e"]
    assert figure.get_suptitle() == "paths, by degrees of harmonics: 11 in all"
    assert (tmp_path / "p.png").exists()


def test_table_of_paths_by_other_factors():
    plan = TensorProductPlan(*(reps.parse_irreps(t) for t in ("2x0e+2x1o", "0e+1e", "2x1o+2x1e")))
    figure = plot_paths(plan)
    assert texts(figure.axes[0])[:4] == ["", "1e", "0e 1e", ""]
    assert figure.get_suptitle() == "paths, by irreps of the second factor: 3 in all"


def test_filters(tmp_path):
    def radial(distances):
        return np.exp(-(distances[:, None] ** 2)) * [1.0, 2.0, 3.0]

    figure = plot_filter(radial, max_degree=2, cutoff=2.0, path=tmp_path / "filter.png")
    assert (tmp_path / "filter.png").exists() and len(figure.axes) == 6
    for degree, image, profile in zip(range(3), figure.axes[:3], figure.axes[3:], strict=True):
        assert image.get_title() == f"l = {degree}" and image.get_aspect() == 1
        values = image.images[0].get_array()
        # At a distance of 1 along +y and along +x: Legendre's polynomial of the degree.
        expected = np.array([1, [1, 0, -0.5][degree]]) * np.exp(-1) * (degree + 1)
        np.testing.assert_allclose([values[120, 80], values[80, 120]], expected, atol=1e-12)
        assert np.ma.getmaskarray(values)[0, 0] and image.images[0].norm.vmin < 0
        assert profile.lines[1].get_ydata()[0] == pytest.approx(degree + 1)
    shared = plot_filter(lambda r: r[:, None], max_degree=1, cutoff=1.0)
    np.testing.assert_allclose(shared.axes[3].lines[1].get_ydata()[-1], 1)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="unknown style 'spere'; did you mean 'sphere'"):
        plot_signal(np.ones((4, 1)), style="spere")
    for shape in ((3, 1), (4,), (0, 1), (2, 4, 1)):
        with pytest.raises(ValueError, match=r"expected coefficients \[\(L\+1\)\^2, C\] to draw"):
            plot_signal(np.ones(shape))
    for text in ("2x0e+1o", "1e", ""):
        with pytest.raises(ValueError, match="expected features of C x \\(0e \\+ 1o"):
            plot_signal(features(text))
    batch = reps.RepArray(reps.vector(groups.O(3)), [np.ones((5, 3, 1))])
    for x in (batch, features("")):
        with pytest.raises(ValueError, match="features without batch axes to draw, such as x"):
            plot_features(x)
    with pytest.raises(ValueError, match=r"returns \[N, 3\] or \[N, 1\], got"):
        plot_filter(lambda r: r, max_degree=2, cutoff=1.0)


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match="symjax_models\\[plots\\]"):
        plot_features(features("1o"))
