"""Pure functions of arrays.

Safe mathematics, graphs and message passing; radial bases and cutoffs; harmonics, rotations,
signals on the sphere and products of features of O(3) and SO(3).
"""

from symjax_models.ops import (
    cutoffs,
    gaunt,
    gaunt_products,
    graph,
    harmonics,
    matrix_blocks,
    message_passing,
    neighbour_softmax,
    pooling,
    quadrature,
    radial,
    rotations,
    safe,
    sphere,
    symmetric_contraction,
    tensor_products,
)

__all__ = [
    "cutoffs",
    "gaunt",
    "gaunt_products",
    "graph",
    "harmonics",
    "matrix_blocks",
    "message_passing",
    "neighbour_softmax",
    "pooling",
    "quadrature",
    "radial",
    "rotations",
    "safe",
    "sphere",
    "symmetric_contraction",
    "tensor_products",
]
