"""What the audit of typed features refuses, and that it says what was expected and what came."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit, groups, reps

V = reps.vector(groups.SO(3))
X = reps.normal(jax.random.key(0), V, (5,))
OTHER = reps.normal(jax.random.key(0), reps.vector(groups.Lorentz()), (5,))


def first(*arguments):
    return arguments[0]


def refused(match, *arguments, function=first, **options):
    for check in (audit.equivariance_error, audit.assert_equivariant, audit.equivariance_report):
        with pytest.raises(ValueError, match=match):
            check(function, *arguments, **options)


def test_features_of_two_groups_name_both():
    refused(
        r"expected features of one group, got features of SO\(3\) and, in arguments\[1\]\['y'\], "
        r"of Lorentz\(\)",
        X,
        {"y": OTHER},
    )
    refused(r"of SO\(3\) and, in output, of Lorentz\(\)", X, function=lambda x: OTHER)


def test_kinds_beside_features_are_refused():
    match = r"expected reps.RepArray, or plain arrays with kinds.*features of SO\(3\) together with"
    refused(match, X, np.zeros((4, 3)), inputs=("invariant", "point"), output="point")
    refused(match, X, output="vector")
    refused(match, X, inputs="invariant")


def test_missing_kinds_of_plain_arrays_are_said():
    array = np.zeros((4, 3))
    refused(
        "inputs=.* and output=.*or arguments that are.*no RepArray and no inputs and no output$",
        array,
    )
    refused("no RepArray and no output$", array, inputs="vector")
    refused("no RepArray and no inputs$", array, output="vector")


def test_parts_of_another_group_are_refused():
    refused(
        r"no choice of parts of E\(d\) x S\(N\), got reflections=False and permutations=False "
        r"with features of SO\(3\)",
        X,
        reflections=False,
        permutations=False,
    )


def test_values_that_do_not_fit_are_said():
    integers = X.map(lambda block: np.ones(block.shape, np.int32))
    refused(
        r"arguments\[0\] has features of V of SO\(3\), which need floating-point.*int32", integers
    )
    real = reps.RepArray(reps.vector(groups.U(2)), [np.ones((5, 2, 1), np.float32)])
    refused(r"features of V of U\(2\), which need complex values, got float32", real)
    refused(
        r"output has features of V of U\(2\), which need complex",
        real.map(lambda block: block * np.complex64(1)),
        function=lambda x: x.map(jnp.real),
    )


def test_values_that_are_not_finite_are_said():
    broken = X.map(lambda block: block.at[0, 0, 0].set(jnp.nan))
    refused(r"arguments\[0\] as given: 1 of 15 entries are NaN", broken)
    refused("output with the arguments as given: 15 of 15", X, function=lambda x: x / 0.0)
    # Only where an element has moved a coordinate across zero.
    start = reps.RepArray(V, [np.ones((5, 3, 1), np.float32)])
    refused(
        r"output with the arguments moved \(sampled\): \d+ of 15 entries",
        start,
        function=lambda x: x.map(lambda block: jnp.where(block < 0, jnp.nan, block)),
    )


def test_numbers_dtypes_and_keys_that_are_not_known_are_said():
    refused("num_samples must be at least 1, got 0", X, num_samples=0)
    refused("expected a typed key", X, key=jnp.zeros(2, "uint32"))
    with pytest.raises(ValueError, match="expected dtype float32 or float64, got bfloat16"):
        audit.equivariance_error(first, X.map(lambda block: block.astype("bfloat16")))


def test_gradient_of_integers_is_refused():
    with pytest.raises(ValueError, match="outputs must be floating-point, got int32"):
        audit.equivariance_report(lambda x: jnp.int32(3), X, gradient=True)
