"""Equivariance errors of toy functions that keep every symmetry, or break exactly one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit
from symjax_models.audit import elements

RNG = np.random.default_rng(0)
BATCH, N, D = 2, 4, 3
X, V, W = RNG.normal(size=(3, BATCH, N, D))
H = RNG.normal(size=(BATCH, N, 2))
PARTS = ["rotations", "reflections", "translations", "permutations"]


def interact(x, v, h, parameters):
    """Compute outputs of every kind that are equivariant to rounding."""
    differences = x[..., :, None, :] - x[..., None, :, :]
    squares = jnp.sum(differences**2, axis=-1)
    charges = jnp.einsum("...ic,c->...i", h, parameters["weight"])
    pair = jnp.exp(-squares) * charges[..., :, None] * charges[..., None, :]
    force = jnp.einsum("...ij,...ijd->...id", pair, differences)
    return {
        "positions": x + v + force,
        "velocities": v + force,
        "features": h * pair.sum(-1, keepdims=True),
        "pair": pair,
        "energy": pair.sum((-2, -1)),
    }


ARGUMENTS = (X, V, H, {"weight": np.array([0.7, -0.4], np.float32)})
KINDS = {
    "inputs": ("point", "vector", "scalar", "invariant"),
    "output": {
        "positions": "point",
        "velocities": "vector",
        "features": "scalar",
        "pair": "pair",
        "energy": "invariant",
    },
}


def test_equivariant_function_passes_in_both_precisions():
    errors = {}
    for dtype in ("float32", "float64"):
        audit.assert_equivariant(interact, *ARGUMENTS, **KINDS, dtype=dtype)
        errors[dtype] = audit.equivariance_error(interact, *ARGUMENTS, **KINDS, dtype=dtype)
    single, double = errors["float32"], errors["float64"]
    assert list(single.parts) == ["together", *PARTS]
    assert (single.dtype, double.dtype) == (jnp.float32, jnp.float64)
    assert single.num_samples == 8
    assert 0 < single.mean <= single.max == max(single.parts.values())
    # The ratio of the two machine precisions is 5e8.
    assert 1e7 < single.max / double.max < 1e10


def breaks_translations_by_position(x, v, w):
    return x * jnp.sum(x**2, axis=-1, keepdims=True)


def breaks_translations_by_norm(x, v, w):
    return v * jnp.linalg.norm(x, axis=-1, keepdims=True)


def breaks_reflections(x, v, w):
    return jnp.cross(v, w)


def breaks_permutations(x, v, w):
    return v * jnp.arange(1.0, N + 1)[:, None]


@pytest.mark.parametrize(
    ("function", "output", "broken"),
    [
        (breaks_translations_by_position, "point", "translations"),
        (breaks_translations_by_norm, "vector", "translations"),
        (breaks_reflections, "vector", "reflections"),
        (breaks_permutations, "vector", "permutations"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_broken_symmetry_is_found_in_its_part_alone(function, output, broken, dtype):
    options = {"inputs": ("point", "vector", "vector"), "output": output, "dtype": dtype}
    error = audit.equivariance_error(function, X, V, W, **options)
    tolerance = {"float32": 5e-6, "float64": 1e-12}[dtype]
    assert [part for part in PARTS if error.parts[part] > tolerance] == [broken]
    assert error.parts["together"] > 0.01 and error.parts[broken] > 0.01
    with pytest.raises(AssertionError, match=f"not equivariant under {broken}: relative error"):
        audit.assert_equivariant(function, X, V, W, **options)
    # What is left out is not held against the function.
    audit.assert_equivariant(function, X, V, W, **options, **{broken: False})


def test_preferred_axis_breaks_rotations():
    error = audit.equivariance_error(
        lambda v: v * jnp.array([1.0, 1.0, 2.0]), V, inputs="vector", output="vector"
    )
    assert error.parts["rotations"] > 0.01
    assert error.parts["permutations"] < 5e-6
    assert "translations" not in error.parts


@pytest.mark.parametrize("break_it", [False, True])
def test_scalars_and_pairs_are_permuted_on_each_axis(break_it):
    def transpose(h, pair):
        return jnp.swapaxes(pair, -1, -2) if not break_it else jnp.cumsum(pair, -1)

    pair = RNG.normal(size=(BATCH, N, N))
    options = {"inputs": ("scalar", "pair"), "output": "pair"}
    error = audit.equivariance_error(transpose, H, pair, **options)
    assert list(error.parts) == ["together", "permutations"]
    assert (error.max > 0.01) if break_it else (error.max == 0.0)


@pytest.mark.parametrize("unit", [1.0, 1e6])
def test_error_is_relative_to_root_mean_square_of_reference(unit):
    # A constant output is off by what the permutation would have moved.
    constant = unit * np.arange(1.0, N + 1)[:, None]
    options = {"inputs": "scalar", "output": "scalar", "num_samples": 1}
    error = audit.equivariance_error(lambda h: constant + 0 * h, constant, **options)
    drawn = elements.draw_elements(
        jax.random.key(0),
        nodes=N,
        dimension=0,
        radius=1.0,
        parts=("permutations",),
        num_samples=1,
    )
    moved = constant[drawn["together"][0].order]
    expected = np.abs(constant - moved).max() / np.sqrt(np.mean(constant**2))
    assert expected > 0.1
    assert error.max == error.mean == pytest.approx(expected, rel=1e-6)


def test_tolerance_decides():
    def almost(x):
        return x * (1.0 + 1e-4 * x[..., :1])

    options = {"inputs": "vector", "output": "vector"}
    audit.assert_equivariant(almost, V, **options, tolerance=1e-1)
    with pytest.raises(AssertionError, match="above the tolerance 5.0e-06"):
        audit.assert_equivariant(almost, V, **options)


def test_zero_output_has_no_error_and_zero_reference_has():
    zero = audit.equivariance_error(jnp.zeros_like, X, inputs="point", output="vector")
    assert zero.max == zero.mean == 0.0
    # Zero where it is evaluated first, elsewhere not.
    origin = np.zeros((N, D))
    error = audit.equivariance_error(lambda x: x, origin, inputs="point", output="vector")
    assert error.parts["translations"] >= 1.0 and error.parts["rotations"] == 0.0
    audit.assert_equivariant(lambda x: x, origin, inputs="point", output="point")


def test_function_is_traced_once_in_the_dtype_asked_for():
    seen = []

    def function(x, parameters, count):
        seen.append((x.dtype, parameters["weight"].dtype, jnp.ones(()).dtype, count.dtype))
        return x * parameters["weight"]

    compiled = jax.jit(function)
    arguments = (V.astype(np.float32), {"weight": np.float32(2.0)}, np.int32(3))
    kinds = {"inputs": ("vector", "invariant", "invariant"), "output": "vector"}
    for dtype in (np.float32, np.float64):
        audit.assert_equivariant(compiled, *arguments, **kinds, dtype=dtype)
    single, double = np.dtype(np.float32), np.dtype(np.float64)
    assert seen == [(single,) * 3 + (np.int32,), (double,) * 3 + (np.int32,)]


def test_dtype_defaults_to_that_of_the_arguments():
    options = {"inputs": "vector", "output": "vector"}
    assert audit.equivariance_error(jnp.sin, V, **options).dtype == np.float32
    with jax.enable_x64(True):
        assert audit.equivariance_error(jnp.sin, V, **options).dtype == np.float64
        single = V.astype(np.float32)
        assert audit.equivariance_error(jnp.sin, single, **options).dtype == np.float32
        count = jnp.arange(3)
    # An integer array from there is no obstacle here.
    audit.assert_equivariant(
        lambda v, count: v * count.sum(), V, count, inputs=("vector", "invariant"), output="vector"
    )


def test_result_is_a_function_of_the_key():
    options = {"inputs": "vector", "output": "vector"}
    first = audit.equivariance_error(jnp.sin, V, **options)
    assert first == audit.equivariance_error(jnp.sin, V, **options, key=jax.random.key(0))
    assert first != audit.equivariance_error(jnp.sin, V, **options, key=jax.random.key(1))


def test_parameters_may_hold_what_is_no_finite_number():
    mask = jnp.array([0.0, -jnp.inf, 0.0, 0.0])

    def attend(v, mask, key):
        return v * jnp.exp(mask).sum()

    audit.assert_equivariant(
        attend,
        V,
        mask,
        jax.random.key(0),
        inputs=("vector", "invariant", "invariant"),
        output="vector",
    )


def test_arguments_and_outputs_with_parts_take_a_kind_for_each():
    def function(state, shift):
        return [state["x"] + shift, (state["v"], state["x"].shape[-1])]

    audit.assert_equivariant(
        function,
        {"x": X, "v": V},
        W,
        inputs=({"x": "point", "v": "vector"}, "vector"),
        output=["point", ("vector", "invariant")],
    )


def test_errors_print_readably():
    error = audit.equivariance_error(
        breaks_permutations, X, V, W, inputs=("point", "vector", "vector"), output="vector"
    )
    lines = str(error).splitlines()
    assert lines[0].startswith("equivariance error in float32: max ")
    assert [line.split()[0] for line in lines[1:]] == ["together", *PARTS]
