"""Linen modules: thin shells that own parameters and call `symjax_models.ops`."""

from symjax_models.layers.activations import NormActivation, PointwiseActivation
from symjax_models.layers.attention import SelfAttention
from symjax_models.layers.bilinear import Bilinear
from symjax_models.layers.canonicalization import (
    FiniteCanonicalizer,
    GeneratorCanonicalizer,
    LieCanonicalizer,
    OptimizationCanonicalizer,
    VectorCanonicalizer,
)
from symjax_models.layers.convolution import Convolution
from symjax_models.layers.dense import MLP, Dense, EdgeDense
from symjax_models.layers.equiformer_attention import EquivariantGraphAttention
from symjax_models.layers.gate import Gate, gate_by_channels, with_gates
from symjax_models.layers.group_distributions import PermutationDistribution, VectorDistribution
from symjax_models.layers.irrep_normalization import BatchNorm, EquivariantLayerNorm
from symjax_models.layers.linear import Linear, Soft, apply_with_penalties
from symjax_models.layers.neighbour_attention import NeighbourAttention
from symjax_models.layers.normalization import Dropout, LayerNorm
from symjax_models.layers.point_convolution import PositionAwareConvolution, VectorBlock
from symjax_models.layers.position_orientation import (
    InvariantBasis,
    KernelBases,
    PositionOrientationBlock,
    PositionOrientationConv,
)
from symjax_models.layers.radial_weights import RadialWeights
from symjax_models.layers.readouts import (
    MatrixBlockReadout,
    SphericalFunctionReadout,
    TensorReadout,
)
from symjax_models.layers.rotation_invariant_attention import (
    GlobalInvariantAttention,
    PairEmbedding,
    PointPairAttention,
)
from symjax_models.layers.similarity_neurons import (
    SimilarityLayerNorm,
    SimilarityLeakyReLU,
    SimilarityLinear,
)
from symjax_models.layers.sphere_activation import (
    SeparableSphereActivation,
    SphereActivation,
)
from symjax_models.layers.symmetrize import Symmetrize
from symjax_models.layers.tensor_product import EdgeTensorProduct, TensorProduct
from symjax_models.layers.vector_neurons import (
    VNInvariant,
    VNLayerNorm,
    VNLeakyReLU,
    VNLinear,
    VNMaxPool,
    VNPool,
)
from symjax_models.ops.frames import frames

__all__ = [
    "MLP",
    "BatchNorm",
    "Bilinear",
    "Convolution",
    "Dense",
    "Dropout",
    "EdgeDense",
    "EdgeTensorProduct",
    "EquivariantGraphAttention",
    "EquivariantLayerNorm",
    "FiniteCanonicalizer",
    "Gate",
    "GeneratorCanonicalizer",
    "GlobalInvariantAttention",
    "InvariantBasis",
    "KernelBases",
    "LayerNorm",
    "LieCanonicalizer",
    "Linear",
    "MatrixBlockReadout",
    "NeighbourAttention",
    "NormActivation",
    "OptimizationCanonicalizer",
    "PairEmbedding",
    "PermutationDistribution",
    "PointPairAttention",
    "PointwiseActivation",
    "PositionAwareConvolution",
    "PositionOrientationBlock",
    "PositionOrientationConv",
    "RadialWeights",
    "SelfAttention",
    "SeparableSphereActivation",
    "SimilarityLayerNorm",
    "SimilarityLeakyReLU",
    "SimilarityLinear",
    "Soft",
    "SphereActivation",
    "SphericalFunctionReadout",
    "Symmetrize",
    "TensorProduct",
    "TensorReadout",
    "VNInvariant",
    "VNLayerNorm",
    "VNLeakyReLU",
    "VNLinear",
    "VNMaxPool",
    "VNPool",
    "VectorBlock",
    "VectorCanonicalizer",
    "VectorDistribution",
    "apply_with_penalties",
    "frames",
    "gate_by_channels",
    "with_gates",
]
