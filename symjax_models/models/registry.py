"""Build a model from its name in the tables and a mapping of hyper-parameters."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import flax.linen as nn

from symjax_models.models import (
    affine,
    canonicalized_gnn,
    deep_sets,
    dgcnn,
    digit_network,
    egnn,
    egnn_potential,
    emlp,
    fa_gnn,
    faenet,
    gnn,
    gram,
    graph_networks,
    invariant_graph_network,
    leapfrog,
    linear,
    locs,
    mace,
    mlp,
    nequip,
    painn,
    point_completion,
    pointnet,
    ponita,
    ponita_clouds,
    qhnet,
    radial_field,
    registration_network,
    schnet,
    se3_transformer,
    segnn,
    so3krates,
    symmetrized_dgcnn,
    tfn,
    tfn_clouds,
    vn_dgcnn,
    vn_pointnet,
)
from symjax_models.suggestion import look_up, nearest_of

# What callers outside layers and models need to know of a Linen module.
Model = nn.Module

MODELS: dict[str, type[Model]] = {
    "adjacency_mlp": graph_networks.AdjacencyMLP,
    "affine": affine.Affine,
    "cn_dgcnn": symmetrized_dgcnn.CNDGCNN,
    "cn_dgcnn_normals": symmetrized_dgcnn.CNDGCNNNormals,
    "cn_dgcnn_segmenter": symmetrized_dgcnn.CNDGCNNSegmenter,
    "cn_gnn": canonicalized_gnn.CNGNN,
    "deep_sets": deep_sets.DeepSets,
    "deep_sets_classifier": deep_sets.DeepSetsClassifier,
    "dgcnn": dgcnn.DGCNN,
    "dgcnn_normals": dgcnn.DGCNNNormals,
    "dgcnn_segmenter": dgcnn.DGCNNSegmenter,
    "digit_network": digit_network.DigitNetwork,
    "egnn": egnn.EGNN,
    "egnn_potential": egnn_potential.EGNNPotential,
    "emlp": emlp.EMLP,
    "fa_dgcnn": symmetrized_dgcnn.FADGCNN,
    "fa_dgcnn_normals": symmetrized_dgcnn.FADGCNNNormals,
    "fa_dgcnn_segmenter": symmetrized_dgcnn.FADGCNNSegmenter,
    "fa_gnn": fa_gnn.FAGNN,
    "faenet": faenet.FAENet,
    "gcn": graph_networks.GCN,
    "gin": graph_networks.GIN,
    "gnn": gnn.GNN,
    "gram": gram.GramMLP,
    "invariant_graph_network": invariant_graph_network.InvariantGraphNetwork,
    "iterative_se3_transformer": se3_transformer.IterativeSE3Transformer,
    "leapfrog": leapfrog.LeapfrogNetwork,
    "linear": linear.LinearDynamics,
    "locs": locs.LoCS,
    "mace": mace.MACE,
    "mlp": mlp.FlatMLP,
    "nequip": nequip.NequIP,
    "painn": painn.PaiNN,
    "plain_registration_network": registration_network.PlainRegistrationNetwork,
    "point_completion": point_completion.PointCompletion,
    "pointnet": pointnet.PointNet,
    "pointnet_segmenter": pointnet.PointNetSegmenter,
    "ponita": ponita.Ponita,
    "ponita_classifier": ponita_clouds.PonitaClassifier,
    "ponita_segmenter": ponita_clouds.PonitaSegmenter,
    "ps_gnn": canonicalized_gnn.PSGNN,
    "qhnet": qhnet.QHNet,
    "radial_field": radial_field.RadialField,
    "registration_network": registration_network.RegistrationNetwork,
    "schnet": schnet.SchNet,
    "se3_transformer": se3_transformer.SE3Transformer,
    "segnn": segnn.SEGNN,
    "so3krates": so3krates.SO3krates,
    "tfn": tfn.TFN,
    "tfn_classifier": tfn_clouds.TFNClassifier,
    "tfn_normals": tfn_clouds.TFNNormals,
    "tfn_segmenter": tfn_clouds.TFNSegmenter,
    "vn_dgcnn": vn_dgcnn.VNDGCNN,
    "vn_dgcnn_normals": vn_dgcnn.VNDGCNNNormals,
    "vn_dgcnn_segmenter": vn_dgcnn.VNDGCNNSegmenter,
    "vn_pointnet": vn_pointnet.VNPointNet,
    "vn_pointnet_segmenter": vn_pointnet.VNPointNetSegmenter,
}


def make_model(name: str, hyperparameters: Mapping[str, Any] | None = None) -> Model:
    """Build a registered model.

    Args:
        name: The name of the model, such as `"egnn"`: that of its row in the result tables, but
            for rows that train one model in several ways.
        hyperparameters: Values of the module's fields; fields left out keep their defaults.

    Returns:
        The Linen module.

    Raises:
        ValueError: If the name or a hyper-parameter is unknown; the nearest one is named. If a
            hyper-parameter without a default is left out.

    >>> make_model("egnn", {"features": 32}).features
    32
    """
    model = look_up(name, MODELS, what="model")
    fields = [f.name for f in dataclasses.fields(model) if f.name not in ("parent", "name")]
    for key in hyperparameters or {}:
        if key not in fields:
            raise ValueError(
                f"model {name!r} has no field {key!r}; {nearest_of(key, sorted(fields))}"
            )
    # A Linen module gives `parent` and `name` defaults, and a field without one is required.
    for field in dataclasses.fields(model):
        has_default = (
            field.default is not dataclasses.MISSING
            or field.default_factory is not dataclasses.MISSING
        )
        if not has_default and field.name not in (hyperparameters or {}):
            raise ValueError(f"model {name!r} needs the field {field.name!r}")
    return model(**(hyperparameters or {}))
