"""Multilayer perceptron that ignores the symmetry: the baseline of every table."""

import flax.linen as nn

from symjax_models.layers import MLP
from symjax_models.reps import Rep, RepArray


class FlatMLP(nn.Module):
    """Apply a multilayer perceptron to the components of features as if they were plain numbers.

    y = MLP(x.flat), with SiLU between `num_layers` hidden layers of `features` units and a last
    affine map to the components of `rep_out`.

    Attributes:
        rep_out: Representation whose type the output is given.
        features: Width of the hidden layers.
        num_layers: Number of hidden layers.

    Equivariance:
        None. The type of the output says how the target transforms, not what this model does.

    Source:
        The "MLP" of Finzi, Welling, Wilson 2021, arXiv:2104.09459, section 7, of 3 layers and
        384 units.

    >>> import jax
    >>> from symjax_models import groups, reps
    >>> V = reps.vector(groups.O(3))
    >>> FlatMLP(V * V, features=8).init_with_output(
    ...     jax.random.key(0), reps.normal(jax.random.key(1), 2 * V, (5,))
    ... )[0]
    RepArray(V*V of O(3), batch (5,), float32)
    """

    rep_out: Rep
    features: int = 384
    num_layers: int = 3

    @nn.compact
    def __call__(self, x: RepArray) -> RepArray:
        """Map features of any real representation to `rep_out`.

        Args:
            x: The features.

        Returns:
            Features of `rep_out` with the same batch axes.
        """
        widths = (*[self.features] * self.num_layers, self.rep_out.dim)
        return RepArray.from_flat(self.rep_out, MLP(widths, name="mlp")(x.flat))
