"""The stored rows of the symmetrization table."""

import pytest

from experiments import cli, statistics, store, symmetrization_table
from experiments.symmetrization_studies import (
    digits,
    frame_errors,
    graph_classes,
    graph_separation,
    lorentz,
)

TABLE = symmetrization_table.TABLE
METHODS = {
    "digits": digits.METHODS,
    "frame_errors": frame_errors.METHODS,
    "graph_classes": graph_classes.METHODS,
    "graph_separation": graph_separation.METHODS,
    "lorentz": lorentz.METHODS,
    "twin_separation": set(graph_separation.METHODS) - {"gin_deep"},
}


@pytest.fixture(scope="module")
def runs():
    found = symmetrization_table.newest(("quick",), store.RESULTS)
    return {key[:2]: run for key, run in found.items()}


def mean(run, metric):
    return statistics.over_seeds(run, metric)[0]


def test_every_method_has_a_label():
    assert {study: set(labels) for study, labels in symmetrization_table.LABELS.items()} == {
        study: set(methods) for study, methods in METHODS.items()
    }
    assert [row.name for row in TABLE.rows] == list(symmetrization_table.LABELS)


def test_stored_rows_are_of_the_configs_as_they_are(runs):
    for study, method in runs:
        config = cli.as_json(TABLE.configs(study, "quick")[method])
        for stored in runs[study, method]:
            assert stored["config"] == config, f"{study}, {method}: stored with another config"


def test_every_method_of_the_quick_preset_is_stored(runs):
    assert set(runs) == {(study, method) for study in METHODS for method in METHODS[study]}


def test_pairs_of_graphs_are_in_their_bands(runs):
    metrics = {
        method: runs["graph_separation", method][0]["metrics"]
        for method in METHODS["graph_separation"]
    }
    for values in metrics.values():
        assert (values["num_graphs"], values["pairs_one_wl"]) == (11117, 312)
        assert values["equal_distance"] < 1e-12 < 1e-9 < values["next_distance"]
    assert metrics["gin_deep"]["pairs_equal"] == 312
    assert metrics["gin"]["pairs_equal"] == metrics["gcn"]["pairs_equal"] == 320
    assert 312 <= metrics["gin_deep"]["pairs_not_separated"] < 400
    assert 386 <= metrics["gin"]["pairs_not_separated"] < 700
    assert 3000 < metrics["gcn"]["pairs_not_separated"] < 6000
    for method in ("gin_frames", "mlp_frames"):
        assert metrics[method]["pairs_equal"] == 0
        assert metrics[method]["pairs_not_separated"] == 0
        assert metrics[method]["exact_share"] > 0.9


def test_digits_are_in_their_bands(runs):
    for method in ("whole_group", "canonicalization", "canonicalization_prior"):
        run = runs["digits", method]
        assert mean(run, "accuracy_upright") == mean(run, "accuracy_c4") > 0.85
        assert max(row["metrics"]["equivariance_error"] for row in run) < 5e-6
        assert max(row["metrics"]["equivariance_error_float64"] for row in run) < 1e-12
    plain = runs["digits", "plain"]
    assert mean(plain, "accuracy_upright") > 0.9 > 0.5 > mean(plain, "accuracy_c4")
    assert min(row["metrics"]["equivariance_error"] for row in plain) > 1e-2


def test_twins_are_in_their_bands(runs):
    metrics = {
        method: runs["twin_separation", method][0]["metrics"]
        for method in METHODS["twin_separation"]
    }
    for method, values in metrics.items():
        assert (values["num_graphs"], values["pairs_one_wl"]) == (1200, 600)
        left = 600 if method in ("gin", "gcn") else 0
        assert values["pairs_equal"] == values["pairs_not_separated"] == left, method
    for method in ("gin", "gcn"):
        assert metrics[method]["permutation_error"] < 1e-12
    for method in ("gin_frames", "mlp_frames"):
        assert metrics[method]["exact_share"] > 0.9
    for method in ("gin_ids", "mlp", "gin_average", "mlp_average"):
        assert metrics[method]["exact_share"] < 0.1


def test_frames_tell_which_twin_it_is(runs):
    for method in ("gin_frames", "mlp_frames"):
        assert mean(runs["graph_classes", method], "test_accuracy") > 0.95, method


def test_networks_bounded_by_the_one_wl_test_guess_twins(runs):
    assert mean(runs["graph_classes", "gin"], "test_accuracy") == 0.5
    assert mean(runs["graph_classes", "gin"], "pairs_told_apart") == 0


def test_invariants_of_four_vectors_are_in_their_bands(runs):
    bands = {"mlp": (0.3, 0.45), "frames": (0.1, 0.17), "generator": (0.01, 0.03),
             "gram": (0.001, 0.004)}  # fmt: skip
    for method, (low, high) in bands.items():
        run = runs["lorentz", method]
        assert len(run) == 3 and low < mean(run, "test_mse") < high, method
    for method in ("frames", "generator", "gram"):
        for row in runs["lorentz", method]:
            # Boosts multiply rounding.
            assert row["metrics"]["equivariance_error"] < 1e-4
            assert row["metrics"]["equivariance_error_float64"] < 1e-12


@pytest.mark.parametrize("method", ["pca_all", "pca_moment", "minimal", "mds_frames", "lorentz"])
def test_frames_are_exact_and_controls_are_not(runs, method):
    (row,) = runs["frame_errors", method]
    assert row["metrics"]["error_generic_float32"] < 5e-6
    assert row["metrics"]["error_generic_float64"] < 1e-12
    assert row["metrics"]["permutation_error_generic_float64"] < 1e-12
    for control, kind in (("none", "error"), ("component_sum", "error"),
                          ("first_rows", "permutation_error")):  # fmt: skip
        (row,) = runs["frame_errors", control]
        assert row["metrics"][f"{kind}_generic_float64"] > 1e-2
