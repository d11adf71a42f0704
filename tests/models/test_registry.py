"""Building models by name, and the words of its refusals."""

import dataclasses

import pytest

from symjax_models import groups, models, reps
from symjax_models.models import registry

OF_GRAPHS = (
    *("affine", "cn_gnn", "egnn", "fa_gnn", "gnn", "iterative_se3_transformer", "leapfrog"),
    *("linear", "locs", "ponita", "ps_gnn", "radial_field", "se3_transformer", "segnn", "tfn"),
)
CLASSIFIERS = (
    *("cn_dgcnn", "dgcnn", "fa_dgcnn", "pointnet", "vn_dgcnn", "vn_pointnet"),
    *("ponita_classifier", "tfn_classifier"),
)
OF_CLOUDS = (
    *(*CLASSIFIERS, "deep_sets_classifier"),
    *(f"{name.removesuffix('_classifier')}_segmenter" for name in CLASSIFIERS),
    *("cn_dgcnn_normals", "dgcnn_normals", "fa_dgcnn_normals", "tfn_normals", "vn_dgcnn_normals"),
    *("plain_registration_network", "point_completion", "registration_network"),
)
OF_ADJACENCY = ("adjacency_mlp", "gcn", "gin")
OF_IMAGES = ("digit_network",)
OF_ATOMS = ("faenet", "egnn_potential", "mace", "nequip", "painn", "schnet", "so3krates")
OF_ORBITALS = ("qhnet",)
OF_FEATURES = ("emlp", "gram", "mlp")
OF_SETS = ("deep_sets", "invariant_graph_network")


def test_every_model_is_registered_once_under_its_row():
    assert set(registry.MODELS) == {
        *(*OF_GRAPHS, *OF_CLOUDS, *OF_ADJACENCY, *OF_ATOMS, *OF_IMAGES, *OF_ORBITALS),
        *(*OF_FEATURES, *OF_SETS),
    }
    others = ("Potential", "SavedPotential", "registry")
    public = {getattr(models, name) for name in models.__all__ if name not in others}
    assert set(registry.MODELS.values()) == public


@pytest.mark.parametrize("name", [*OF_GRAPHS, *OF_CLOUDS, *OF_ADJACENCY])
def test_fields_left_out_keep_their_defaults(name):
    assert registry.make_model(name) == registry.MODELS[name]()
    assert registry.make_model(name, {}) == registry.MODELS[name]()


@pytest.mark.parametrize("name", OF_FEATURES)
def test_models_of_features_need_the_type_of_their_output(name):
    with pytest.raises(ValueError, match=f"model '{name}' needs the field 'rep_out'"):
        registry.make_model(name)
    scalar = reps.scalar(groups.O(3))
    assert registry.make_model(name, {"rep_out": scalar}) == registry.MODELS[name](scalar)


@pytest.mark.parametrize("name", OF_ORBITALS)
def test_models_of_orbitals_need_the_molecule(name):
    with pytest.raises(ValueError, match=f"model '{name}' needs the field 'atoms'"):
        registry.make_model(name)


@pytest.mark.parametrize("name", OF_SETS)
def test_models_of_sets_need_the_length_of_their_output(name):
    with pytest.raises(ValueError, match=f"model '{name}' needs the field 'features'"):
        registry.make_model(name)


def test_hyperparameters_reach_the_module():
    model = registry.make_model("egnn", {"features": 16, "num_layers": 3})
    assert dataclasses.replace(model) == models.EGNN(features=16, num_layers=3)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("egn", "egnn"), ("EGNN", None), ("radialfield", "radial_field"), ("liner", "linear")],
)
def test_unknown_name_says_the_nearest(name, nearest):
    words = f"unknown model '{name}'; did you mean '{nearest}'\\? known are adjacency_mlp, affine"
    if nearest is None:
        words = f"unknown model '{name}'"
    with pytest.raises(ValueError, match=words):
        registry.make_model(name)


@pytest.mark.parametrize(
    ("name", "field", "words"),
    [
        ("egnn", "feature", "has no field 'feature'; did you mean 'features'"),
        ("egnn", "layers", "has no field 'layers'; did you mean 'num_layers'"),
        ("gnn", "zzz", "has no field 'zzz'; did you mean '.*'. known are features, num_layers"),
        ("linear", "features", "model 'linear' has no field 'features'; none is known"),
        # Fields of every Linen module, not of the model.
        ("egnn", "name", "has no field 'name'"),
        ("egnn", "parent", "has no field 'parent'"),
    ],
)
def test_unknown_field_says_the_nearest(name, field, words):
    with pytest.raises(ValueError, match=words):
        registry.make_model(name, {field: 3})
