"""Linen modules: thin shells that own parameters and call `symjax_models.ops`."""

from symjax_models.layers.activations import NormActivation, PointwiseActivation
from symjax_models.layers.attention import SelfAttention
from symjax_models.layers.bilinear import Bilinear
from symjax_models.layers.dense import MLP, Dense, EdgeDense
from symjax_models.layers.gate import Gate
from symjax_models.layers.linear import Linear, Soft, apply_with_penalties
from symjax_models.layers.normalization import Dropout, LayerNorm

__all__ = [
    "MLP",
    "Bilinear",
    "Dense",
    "Dropout",
    "EdgeDense",
    "Gate",
    "LayerNorm",
    "Linear",
    "NormActivation",
    "PointwiseActivation",
    "SelfAttention",
    "Soft",
    "apply_with_penalties",
]
