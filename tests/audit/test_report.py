"""The table of value and gradient in both precisions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 4, 3))
H = RNG.normal(size=(2, 4, 1))
KINDS = {"inputs": ("point", "scalar"), "output": "invariant"}


def energy(x, h):
    differences = x[..., :, None, :] - x[..., None, :, :]
    charges = h * jnp.swapaxes(h, -1, -2)
    return jnp.sum(charges * jnp.exp(-jnp.sum(differences**2, axis=-1)), axis=(-2, -1))


def test_report_has_a_row_for_each_quantity_and_precision():
    report = audit.equivariance_report(energy, X, H, **KINDS, gradient=True)
    rows = {(quantity, error.dtype.name): error.max for quantity, error in report.rows}
    assert list(rows) == [
        ("value", "float32"),
        ("value", "float64"),
        ("gradient", "float32"),
        ("gradient", "float64"),
    ]
    assert rows["value", "float32"] < 5e-6 and rows["gradient", "float32"] < 5e-6
    assert rows["value", "float64"] < 1e-12 and rows["gradient", "float64"] < 1e-12
    assert 1e7 < rows["gradient", "float32"] / rows["gradient", "float64"] < 1e10
    lines = str(report).splitlines()
    assert len(lines) == 5
    assert lines[0].split()[:5] == ["quantity", "dtype", "max", "mean", "together"]
    assert lines[3].split()[:2] == ["gradient", "float32"]


def test_gradient_that_is_not_the_value_s_is_found():
    # The value is invariant; the gradient, altered by hand, prefers an axis.
    @jax.custom_vjp
    def altered(x):
        return jnp.sum((x - x.mean(-2, keepdims=True)) ** 2)

    altered.defvjp(lambda x: (altered(x), x), lambda x, c: (c * x * jnp.array([1.0, 1.0, 2.0]),))
    report = audit.equivariance_report(
        altered, X, inputs="point", output="invariant", gradient=True
    )
    for quantity, error in report.rows:
        bound = {"float32": 5e-6, "float64": 1e-12}[error.dtype.name]
        assert (error.max > 0.01) == (quantity == "gradient") == (error.max > bound)
        # x itself, unlike a difference of positions, moves with a translation.
        assert (error.parts["translations"] > 0.01) == (quantity == "gradient")


def test_gradient_of_points_and_vectors_with_parameters():
    def function(state, weight, species):
        x, v = state
        offset = x - x.mean(-2, keepdims=True)
        return x + weight * v * jnp.sum(offset**2, -1, keepdims=True), species

    report = audit.equivariance_report(
        lambda *arguments: function(*arguments)[0],
        (X, RNG.normal(size=X.shape)),
        np.float32(0.3),
        np.arange(8).reshape(2, 4, 1),
        inputs=(("point", "vector"), "invariant", "scalar"),
        output="point",
        gradient=True,
    )
    assert all(error.max < 5e-6 for _, error in report.rows)


def test_gradient_of_integers_is_refused():
    with pytest.raises(ValueError, match="no gradient: every argument"):
        audit.equivariance_report(
            lambda h: h, np.arange(4)[:, None], inputs="scalar", output="scalar", gradient=True
        )
    with pytest.raises(ValueError, match="outputs must be floating-point, got int32"):
        audit.equivariance_report(
            lambda x: jnp.int32(3), X, inputs="point", output="invariant", gradient=True
        )
