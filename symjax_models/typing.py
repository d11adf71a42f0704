"""Type names, and the letters of shapes.

B batch, N nodes, E edges, G graphs, C multiplicity (channels), D dimension of a representation,
L (max_degree + 1) ** 2, S seeds, K basis functions, M examples of a data set.
"""

from typing import Any

import jax
import numpy as np

Array = jax.Array
ArrayLike = jax.Array | np.ndarray | float
PRNGKey = jax.Array
PyTree = Any
