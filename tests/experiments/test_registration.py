"""A small reproduction of the registration table, its closed forms and its test pairs."""

import jax.numpy as jnp
import numpy as np
import pytest

from experiments import (
    registration,
    registration_table,
    registration_task,
    reproduce,
    store,
    tables,
)
from symjax_models.data.registration_pairs import make_pairs
from symjax_models.ops.registration import RigidMotion

TABLE = registration_table.TABLE
ROWS = ["plain_registration_network", "moments", "kabsch"]


def smoke_config(row="kabsch", **data):
    config = tables.load_config("registration", row, "smoke")
    config.data.update(data)
    return config


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory):
    """Return the folder of a smoke reproduction of all rows but one, in one case each."""
    folder = tmp_path_factory.mktemp("reproduced")
    assert reproduce.reproduce(
        OneCase(**vars(TABLE)),
        preset="smoke",
        rows=ROWS,
        runs=folder / "runs",
        results=folder / "results",
    )
    return folder


@pytest.mark.slow
def test_the_equivariant_network_runs(tmp_path):
    config = smoke_config("registration_network")
    assert registration.run(config, workdir=tmp_path / "run", results=tmp_path / "results")
    (stored,) = store.read("registration", results=tmp_path / "results")
    assert stored["metrics"]["equivariance_error_float64"] < 1e-9


class OneCase(registration_table.RegistrationTable):
    """The table with the first run of every row alone, since compilation is slow."""

    def configs(self, row, preset):
        return dict([next(iter(super().configs(row, preset).items()))])


def test_rows_are_stored_with_all_metrics(reproduced):
    rows = {row["row"]: row for row in store.read("registration", results=reproduced / "results")}
    assert set(rows) == set(ROWS)
    for row in rows.values():
        assert np.isfinite(list(row["metrics"].values())).all()
        recalls = [v for n, v in row["metrics"].items() if n.startswith("recall")]
        assert len(recalls) == 2 * 12
        assert all(0 <= recall <= 1 for recall in recalls)
    assert rows["kabsch"]["metrics"]["recall_overlap_0.5"] == 1
    assert rows["moments"]["metrics"]["recall_overlap_0.5"] == 0  # they need full overlap
    assert rows["plain_registration_network"]["steps"] == 2
    assert rows["kabsch"]["steps"] == rows["kabsch"]["params"] == 0


def test_closed_forms_are_exact_and_equivariant_and_the_plain_network_is_not(reproduced):
    rows = {row["row"]: row for row in store.read("registration", results=reproduced / "results")}
    for name in ("kabsch", "moments"):
        metrics = rows[name]["metrics"]
        assert metrics["exact_error"] < 1e-12
        assert metrics["equivariance_error"] < 5e-6
        assert metrics["equivariance_error_float64"] < 1e-12
    assert rows["plain_registration_network"]["metrics"]["equivariance_error_float64"] > 1e-2


def test_publish_writes_tables_and_figures(reproduced):
    pytest.importorskip("matplotlib")
    results = reproduced / "results"
    text = reproduce.publish(TABLE, presets=("smoke",), results=results)
    assert "| learned features, plain, trained without rotation |" in text
    assert "| Kabsch on the true partners, upper bound | smoke | **100.0** ± 0.0 |" in text
    for name in ("registration_recall", "registration_pair"):
        assert (results / "figures" / f"{name}.png").stat().st_size > 10_000


def test_configs_of_a_row_are_its_training_rotations():
    cases = TABLE.configs("plain_registration_network", "quick")
    assert [config.data.rotation_degrees for config in cases.values()] == [0, 180]
    assert len(TABLE.configs("registration_network", "quick")) == 1
    assert registration.CASE_FIELDS["registration"] == ("data.rotation_degrees",)


@pytest.mark.parametrize("angle", [0, 45, 180])
def test_turned_pairs_have_the_angle_and_the_motion(angle):
    pairs = make_pairs(num_pairs=5, num_points=8, seed=1, rotation_degrees=0.0, same_points=True)
    turned = registration_task.turned(pairs, angle)
    np.testing.assert_allclose(turned.angles, angle, atol=1e-6)
    moved = turned.sources @ turned.rotations.swapaxes(1, 2) + turned.translations[:, None]
    known = turned.correspondences >= 0
    partners = np.take_along_axis(turned.targets, turned.correspondences[..., None], axis=1)
    np.testing.assert_allclose(moved[known], partners[known], atol=1e-12)
    assert known.any(axis=1).all()


def test_errors_of_the_truth_and_of_a_wrong_motion():
    config = smoke_config()
    batch = registration_task.load(config.data).tests["rotation_90"]
    truth = registration_task.true_motion(batch)
    right = np.asarray(registration_task.errors(truth, batch))
    np.testing.assert_allclose(right, [[0, 0, 1]] * 3, atol=1e-3)
    still = RigidMotion(jnp.broadcast_to(jnp.eye(3), (3, 3, 3)), truth.translation + 3.0)
    wrong = np.asarray(registration_task.errors(still, batch))
    np.testing.assert_allclose(wrong, [[90, 3 * 3**0.5, 0]] * 3, rtol=1e-4)
    found = dict.fromkeys(registration_task.load(config.data).tests, right)
    metrics = registration_task.summarize(found | {registration_task.HARDEST: wrong})
    assert metrics["recall_rotation_180"] == 0 < metrics["recall_rotation_0"] == 1
    np.testing.assert_allclose([metrics["rre_median"], metrics["rte_median"]], wrong[0, :2])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"num_pairs": (4, 2)}, "expected numbers of training, validation and test pairs"),
        ({"num_pairs": (4, 2, 1)}, "expected at least 2 test pairs, got 1"),
        ({"overlap": (0.7,)}, "expected the lowest and the highest share"),
        ({"overlap": (0.9, 0.6)}, "0 < lowest <= highest <= 1 for overlap"),
        ({"rotation_degrees": 181.0}, "rotation_degrees from 0 to 180"),
        ({"noise": -1.0}, "finite noise"),
        ({"num_points": 2}, "num_points of at least 4"),
        ({"radius": 0.0}, "finite radius above 0"),
    ],
)
def test_mistakes_end_in_a_sentence_before_training(fields, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        registration.run(smoke_config(**fields), workdir=tmp_path)
    assert not list(tmp_path.iterdir())


def test_unknown_fields_and_rows_name_the_nearest(tmp_path):
    config = smoke_config("plain_registration_network")
    config.model.chanels = (3,)
    with pytest.raises(ValueError, match="did you mean 'channels'"):
        registration.run(config, workdir=tmp_path)
    config = smoke_config()
    config.row = "registration_netwrok"
    with pytest.raises(ValueError, match="did you mean 'registration_network'"):
        registration.run(config, workdir=tmp_path)
    config = smoke_config()
    config.bach_size = 3
    with pytest.raises(ValueError, match="unknown config field 'bach_size'"):
        registration.run(config, workdir=tmp_path)


def test_pairs_of_all_test_sets_are_the_same_scenes():
    problem = registration_task.load(smoke_config(noise=0.0).data)
    first = problem.tests["rotation_0"]
    for angle in registration_task.ANGLES:
        np.testing.assert_array_equal(problem.tests[f"rotation_{angle}"]["source"], first["source"])
    np.testing.assert_array_equal(problem.tests["noise_0.0"]["source"], first["source"])
    assert not np.isin(problem.train["source"], first["source"]).any()
