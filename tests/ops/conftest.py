"""Random graphs in both layouts, and the same sums written as loops."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models.ops import graph


@dataclasses.dataclass(frozen=True)
class Example:
    """Hold a dense graph and the arrays over nodes and ordered pairs that it was built from."""

    batch: tuple[int, ...]
    count: int
    features: np.ndarray  # [*batch, N, C]
    pairs: np.ndarray  # [*batch, N, N, C]
    dense: graph.Graph

    def sparse(self, *, spare_nodes=0, spare_edges=0):
        graphs = int(np.prod(self.batch, dtype=int))
        return graph.to_sparse(
            self.dense,
            num_nodes=graphs * self.count + spare_nodes,
            num_edges=graphs * self.count * (self.count - 1) + spare_edges,
        )

    def sums(self, values=None):
        """Sum pair values over senders by loops, `[*batch, N, C]`."""
        values = self.pairs if values is None else values
        sums = np.zeros(values.shape[:-3] + values.shape[-2:])
        for index in np.ndindex(*self.batch, self.count, self.count):
            *_, receiver, sender = index
            if sender != receiver:
                sums[index[:-1]] += values[index]
        return sums


@pytest.fixture(scope="session")
def make_example():
    def make(batch=(2,), count=4, channels=3):
        rng = np.random.default_rng(0)
        features = rng.normal(size=(*batch, count, channels)).astype(np.float32)
        pairs = rng.normal(size=(*batch, count, count, channels)).astype(np.float32)
        dense = graph.complete(
            {"features": jnp.asarray(features)}, pairs={"pairs": jnp.asarray(pairs)}
        )
        return Example(batch=batch, count=count, features=features, pairs=pairs, dense=dense)

    return make
