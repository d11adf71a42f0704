"""Tensor products of features of O(3) and SO(3): one plan, several backends, same weights."""

from symjax_models.ops.tensor_products.convolution import convolution, edge_harmonics
from symjax_models.ops.tensor_products.paths import Path
from symjax_models.ops.tensor_products.plan import TensorProductPlan

__all__ = ["Path", "TensorProductPlan", "convolution", "edge_harmonics"]
