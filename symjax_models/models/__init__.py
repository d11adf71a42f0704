"""Published models, one per file, and the registry that builds them by name."""

from symjax_models.models import registry
from symjax_models.models.affine import Affine
from symjax_models.models.canonicalized_gnn import CNGNN, PSGNN
from symjax_models.models.deep_sets import DeepSets, DeepSetsClassifier
from symjax_models.models.dgcnn import DGCNN, DGCNNNormals, DGCNNSegmenter
from symjax_models.models.digit_network import DigitNetwork
from symjax_models.models.egnn import EGNN
from symjax_models.models.egnn_potential import EGNNPotential
from symjax_models.models.emlp import EMLP
from symjax_models.models.fa_gnn import FAGNN
from symjax_models.models.faenet import FAENet
from symjax_models.models.gnn import GNN
from symjax_models.models.gram import GramMLP
from symjax_models.models.graph_networks import GCN, GIN, AdjacencyMLP
from symjax_models.models.invariant_graph_network import InvariantGraphNetwork
from symjax_models.models.leapfrog import LeapfrogNetwork
from symjax_models.models.linear import LinearDynamics
from symjax_models.models.locs import LoCS
from symjax_models.models.mace import MACE
from symjax_models.models.mlp import FlatMLP
from symjax_models.models.nequip import NequIP
from symjax_models.models.painn import PaiNN
from symjax_models.models.point_completion import PointCompletion
from symjax_models.models.pointnet import PointNet, PointNetSegmenter
from symjax_models.models.ponita import Ponita
from symjax_models.models.ponita_clouds import PonitaClassifier, PonitaSegmenter
from symjax_models.models.potential import Potential
from symjax_models.models.qhnet import QHNet
from symjax_models.models.radial_field import RadialField
from symjax_models.models.registration_network import PlainRegistrationNetwork, RegistrationNetwork
from symjax_models.models.saved_potential import SavedPotential
from symjax_models.models.schnet import SchNet
from symjax_models.models.se3_transformer import IterativeSE3Transformer, SE3Transformer
from symjax_models.models.segnn import SEGNN
from symjax_models.models.so3krates import SO3krates
from symjax_models.models.symmetrized_dgcnn import (
    CNDGCNN,
    FADGCNN,
    CNDGCNNNormals,
    CNDGCNNSegmenter,
    FADGCNNNormals,
    FADGCNNSegmenter,
)
from symjax_models.models.tfn import TFN
from symjax_models.models.tfn_clouds import TFNClassifier, TFNNormals, TFNSegmenter
from symjax_models.models.vn_dgcnn import VNDGCNN, VNDGCNNNormals, VNDGCNNSegmenter
from symjax_models.models.vn_pointnet import VNPointNet, VNPointNetSegmenter

__all__ = [
    "CNDGCNN",
    "CNGNN",
    "DGCNN",
    "EGNN",
    "EMLP",
    "FADGCNN",
    "FAGNN",
    "GCN",
    "GIN",
    "GNN",
    "MACE",
    "PSGNN",
    "SEGNN",
    "TFN",
    "VNDGCNN",
    "AdjacencyMLP",
    "Affine",
    "CNDGCNNNormals",
    "CNDGCNNSegmenter",
    "DGCNNNormals",
    "DGCNNSegmenter",
    "DeepSets",
    "DeepSetsClassifier",
    "DigitNetwork",
    "EGNNPotential",
    "FADGCNNNormals",
    "FADGCNNSegmenter",
    "FAENet",
    "FlatMLP",
    "GramMLP",
    "InvariantGraphNetwork",
    "IterativeSE3Transformer",
    "LeapfrogNetwork",
    "LinearDynamics",
    "LoCS",
    "NequIP",
    "PaiNN",
    "PlainRegistrationNetwork",
    "PointCompletion",
    "PointNet",
    "PointNetSegmenter",
    "Ponita",
    "PonitaClassifier",
    "PonitaSegmenter",
    "Potential",
    "QHNet",
    "RadialField",
    "RegistrationNetwork",
    "SE3Transformer",
    "SO3krates",
    "SavedPotential",
    "SchNet",
    "TFNClassifier",
    "TFNNormals",
    "TFNSegmenter",
    "VNDGCNNNormals",
    "VNDGCNNSegmenter",
    "VNPointNet",
    "VNPointNetSegmenter",
    "registry",
]
