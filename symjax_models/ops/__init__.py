"""Pure functions of arrays: safe mathematics, graphs, message passing."""

from symjax_models.ops import graph, message_passing, safe

__all__ = ["graph", "message_passing", "safe"]
