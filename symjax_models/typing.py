"""Type aliases."""

from typing import Any
import jax

Array = jax.Array
PRNGKey = jax.Array
PyTree = Any
