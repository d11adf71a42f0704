"""Studies of the symmetrization table, small, and how they count."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import store, symmetrization, tables
from experiments.symmetrization_studies import (
    STUDIES,
    classification,
    digits,
    frame_errors,
    graph_classes,
    graph_separation,
    lorentz,
)
from symjax_models import groups
from symjax_models.models import digit_network
from symjax_models.ops import frames

METHODS = {
    "digits": digits.METHODS,
    "frame_errors": frame_errors.METHODS,
    "graph_classes": graph_classes.METHODS,
    "graph_separation": graph_separation.METHODS,
    "lorentz": lorentz.METHODS,
    "twin_separation": set(graph_separation.METHODS) - {"gin_deep"},
}
QUICK = {
    "digits": "plain",
    "frame_errors": "pca_all",
    "graph_classes": "mlp",
    "graph_separation": "gin",
    "lorentz": "gram",
    "twin_separation": "gin",
}
EXACT = {
    ("digits", "whole_group"): "equivariance_error",
    ("frame_errors", "pca_all"): "error_generic_float32",
    ("graph_separation", "gin"): "permutation_error",
    ("lorentz", "gram"): "equivariance_error",
    ("twin_separation", "gin"): "permutation_error",
}
# Those that have most of their own; one run of each study is quick.
SLOW = {
    "digits": "canonicalization_prior",
    "frame_errors": "laplacian",
    "graph_classes": "mlp_distribution",
    "graph_separation": "mlp_frames",
    "lorentz": "generator",
    "twin_separation": "mlp_frames",
}
CASES = [
    *QUICK.items(),
    *(pytest.param(*case, marks=pytest.mark.slow) for case in SLOW.items()),
]


def smoke_config(study, method=None):
    config = tables.load_config("symmetrization", study, "smoke")
    config.method = method or QUICK[study]
    return config


def test_every_study_has_a_row():
    assert {smoke_config(row).study for row in METHODS} == set(STUDIES)


@pytest.mark.parametrize("row", METHODS)
def test_configs_list_the_methods_of_their_row(row):
    assert set(smoke_config(row).methods) == set(METHODS[row])


@pytest.mark.parametrize(("study", "method"), CASES)
def test_every_method_stores_a_row(study, method, tmp_path):
    config = smoke_config(study, method)
    assert symmetrization.run(
        config, workdir=tmp_path / "run", results=tmp_path, report=lambda text: None
    )
    (row,) = store.read("symmetrization", results=tmp_path)
    metrics = row["metrics"]
    assert np.isfinite(list(metrics.values())).all()
    assert row["params"] > 0 and metrics["forward_passes"] >= 1
    if (study, method) in EXACT:
        assert metrics[EXACT[study, method]] < 5e-6


@pytest.mark.parametrize(
    ("study", "fields", "message"),
    [
        ("digits", {"method": "canonicalisation"}, "did you mean 'canonicalization'"),
        ("graph_separation", {"data.num_networks": 0}, "num_networks of at least 1, got 0"),
        ("graph_separation", {"data.num_nodes": 9}, "num_nodes from 1 to 8"),
        ("graph_classes", {"data.num_pairs": 5}, "num_pairs of at least 6, got 5"),
        ("graph_classes", {"data.cores": "twistd"}, "did you mean 'twisted'"),
        ("twin_separation", {"data.graphs": "pair"}, "did you mean 'pairs'"),
        ("frame_errors", {"data.num_points": 6}, "num_points of 4, 8, 12, ..., got 6"),
        ("frame_errors", {"data.cases": ("colinear",)}, "did you mean 'collinear'"),
    ],
)
def test_mistakes_end_in_a_sentence(study, fields, message, tmp_path):
    config = smoke_config(study)
    config.update_from_flattened_dict(fields)
    with pytest.raises(ValueError, match=message):
        symmetrization.run(config, workdir=tmp_path, report=lambda text: None)
    assert not store.path_of("symmetrization", tmp_path).exists()


def test_correct_goes_through_all_chunks_and_seeds():
    labels = np.arange(500) % 3
    batch = {"labels": labels, "guess": labels.copy()}
    batch["guess"][450:] += 1
    logits = lambda shift, batch: jax.nn.one_hot((batch["guess"] + shift) % 3, 3)  # noqa: E731
    is_correct, again = classification.correct(logits, jnp.array([0, 1]), [batch, batch])
    np.testing.assert_array_equal(is_correct, again)
    np.testing.assert_array_equal(is_correct[0], np.arange(500) < 450)
    assert not is_correct[1, :450].any()


@pytest.mark.parametrize(
    "case", [case for case in frame_errors.CASES if case != "generic"]
)  # fmt: skip
def test_special_clouds_are_special(case):
    data = smoke_config("frame_errors").data
    x = frame_errors.make_inputs(groups.E(3), case, data, 0)
    centred = x - x.mean(1, keepdims=True)
    values = np.linalg.svd(centred, compute_uv=False)
    relative = values / values[:, :1]
    if case == "symmetric":
        np.testing.assert_allclose(relative, 1)
    else:
        assert (np.sum(relative > 1e-9, axis=1) == {"collinear": 1, "planar": 2}[case]).all()


def test_lorentz_inputs_have_mass_one():
    data = smoke_config("frame_errors").data
    x = frame_errors.make_inputs(groups.Lorentz(), "generic", data, 0)
    np.testing.assert_allclose(x[..., 0] ** 2 - np.square(x[..., 1:]).sum(-1), 1)


def test_controls_break_what_they_should():
    """The sign rule moves with the pose, the first rows with the order of the points."""
    data = smoke_config("frame_errors").data
    x = frame_errors.make_inputs(groups.E(3), "generic", data, 0).astype(np.float32)
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0].astype(np.float32)

    homogeneous = np.eye(4, dtype=np.float32)
    homogeneous[:3, :3] = turn
    turned, swapped = x @ turn.T, x[:, ::-1]

    def changes(source):
        elements = jax.jit(lambda x: source(x).elements[0])
        before, after, reordered = (np.asarray(elements(z)) for z in (x, turned, swapped))
        return np.abs(after - homogeneous @ before).max(), np.abs(reordered - before).max()

    by_turn, by_order = changes(frame_errors.first_rows_frames)
    assert by_turn < 1e-4 and by_order > 1e-2
    by_turn, by_order = changes(frame_errors.component_sum_frames)
    assert by_turn > 1e-2 and by_order < 1e-4
    moments = frames.PCAFrames(groups.E(3), signs="moment")
    assert max(changes(moments)) < 1e-4


def test_averages_of_digits_do_not_turn():
    """Averaged logits are invariant under quarter turns, those of the plain network are not."""
    images = digits.load(smoke_config("digits").data, split="test", pose="upright")["images"][:4]
    turned = np.rot90(images, axes=(1, 2)).copy()
    changes = {}
    for method in ("whole_group", "plain"):
        classifier = digits.Classifier(smoke_config("digits", method))
        params = classifier.init(jax.random.key(0), jnp.asarray(images[0]))
        apply = jax.jit(lambda x, c=classifier, p=params: c.logits(p, {"images": x}))
        changes[method] = float(jnp.abs(apply(images) - apply(turned)).max())
    assert changes["whole_group"] < 1e-6 and changes["plain"] > 1e-2


def test_digit_networks_keep_batches_and_check_images():
    network = digit_network.ImageScore(channels=(2,), hidden=4)
    images = jnp.ones((3, 2, 4, 4, 1))
    assert jax.eval_shape(network.init_with_output, jax.random.key(0), images)[0].shape == (3, 2)
    with pytest.raises(ValueError, match=r"at least 2 x 2 pixels, got \[4, 1, 1\]"):
        network.init(jax.random.key(0), jnp.ones((4, 1, 1)))
