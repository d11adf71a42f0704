"""Tensor products of features of O(3) and SO(3): one plan, several backends, same weights."""

from symjax_models.ops.tensor_products.convolution import convolution, edge_harmonics
from symjax_models.ops.tensor_products.graph_convolution import edge_products, graph_convolution
from symjax_models.ops.tensor_products.paths import Path, find_paths
from symjax_models.ops.tensor_products.plan import TensorProductPlan
from symjax_models.ops.tensor_products.steerable import couple_projected, project

__all__ = [
    "Path",
    "TensorProductPlan",
    "convolution",
    "couple_projected",
    "edge_harmonics",
    "edge_products",
    "find_paths",
    "graph_convolution",
    "project",
]
