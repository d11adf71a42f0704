"""What the audit refuses, and that it says what was expected and what came."""

import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit

X = np.random.default_rng(0).normal(size=(2, 4, 3))


def first(*arguments):
    return arguments[0]


def refused(match, *arguments, inputs, output="point", function=first, **options):
    with pytest.raises(ValueError, match=match):
        audit.equivariance_error(function, *arguments, inputs=inputs, output=output, **options)


@pytest.mark.parametrize(
    ("kind", "nearest"),
    [("piont", "point"), ("vectors", "vector"), ("invarient", "invariant"), ("Pair", "pair")],
)
def test_misspelt_kind_names_the_nearest(kind, nearest):
    refused(f"unknown kind '{kind}'; did you mean '{nearest}'", X, inputs=(kind,))
    refused(f"unknown kind '{kind}'; did you mean '{nearest}'", X, inputs="point", output=kind)


def test_shapes_that_do_not_fit_say_what_was_expected():
    refused(
        r"arguments\[1\] has kind 'vector', which needs shape \[..., N, d\] with N = 4 and d = 3, "
        r"got \(2, 5, 3\)",
        X,
        np.zeros((2, 5, 3)),
        inputs=("point", "vector"),
    )
    refused(r"\[..., N, C\] with N = 4, got \(4,\)", X, np.zeros(4), inputs=("point", "scalar"))
    refused(r"\[..., N, N\], got \(4, 3\)", X[0], inputs="pair")
    refused(r"output has kind 'pair'.*N = 4, got \(2, 4, 3\)", X, inputs="point", output="pair")


def test_values_that_do_not_fit_say_what_was_expected():
    refused("needs floating-point values, got int64", np.ones((4, 3), int), inputs="point")
    refused("needs one array, got dict", {"x": X}, inputs="point")
    refused("needs numeric values, got <U1", np.full((4, 3), "a"), inputs="scalar")


def test_structures_that_differ_are_said():
    refused("arguments with structure.*the structures differ", X, inputs=("point", "vector"))
    refused("output with structure", X, inputs="point", output=("point", "vector"))


def test_output_kind_without_a_size_is_said():
    refused("'vector' needs d, which no argument has", X, inputs="scalar", output="vector")


def test_nothing_to_test_is_said():
    refused("nothing to test.*nothing would act", X, inputs="invariant", output="invariant")
    options = {"inputs": "scalar", "output": "scalar", "permutations": False}
    refused("nothing to test.*permutations would act.*left out", X, **options)
    refused("num_samples must be at least 1, got 0", X, inputs="point", num_samples=0)


def test_dtypes_and_keys_that_are_not_known_are_said():
    refused("expected dtype float32 or float64, got bfloat16", X, inputs="point", dtype="bfloat16")
    refused("expected dtype float32 or float64, got int32", X, inputs="point", dtype=np.int32)
    refused("expected a typed key", X, inputs="point", key=jnp.zeros(2, "uint32"))


def test_values_that_are_not_finite_are_said():
    broken = X.copy()
    broken[0, 0, 0] = np.nan
    refused(r"arguments\[0\] as given: 1 of 24 entries are NaN", broken, inputs="point")
    refused(
        r"output\['x'\] with the arguments as given: 24 of 24 entries are NaN or infinite",
        X,
        inputs="point",
        output={"x": "point"},
        function=lambda x: {"x": x / 0.0},
    )
    # Only where a translation has moved a point.
    refused(
        r"output with the arguments moved \(together\): \d+ of 12 entries",
        np.zeros((4, 3)),
        inputs="point",
        output="vector",
        function=lambda x: jnp.where(x == 0, 0.0, jnp.nan),
    )
