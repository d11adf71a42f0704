"""Any Linen module, made equivariant from outside."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax

from symjax_models.ops import symmetrization
from symjax_models.typing import PRNGKey, PyTree


class Symmetrize(nn.Module):
    """Average a network over group elements that move with its input.

    h(x) = sum_k w_k rho_out(g_k) f(rho_in(g_k)^-1 x),  (g_k, w_k) = source(x)

    Attributes:
        network: f, any module whose inputs and outputs have the batch axes of the frame first. Its
            variables are the same for all elements, and not changed; what it sows as
            `"intermediates"` has the axis of K first.
        source: Makes the frame: one of `symjax_models.ops.frames`, or a module of this folder such
            as `VectorCanonicalizer`, whose parameters are trained with those of the network.
        rep_in: How the group acts on every argument: a tuple of actions, or of pytrees of them, or
            one action; see `ops.actions.act`.
        rep_out: How it acts on the output: an action, or a pytree of them.
        read: Picks of the arguments what the frame is made of; the first one when None.

    Equivariance:
        That of `ops.symmetrization.symmetrize`: exact, exact in expectation over the random stream
        `"frames"`, or approximate, as the source says.

    Numerics:
        The network sees K times the batch in one call; nothing is compiled K times. Random streams
        of the network, such as that of dropout, differ between the elements.

    Source:
        As `ops.symmetrization.symmetrize`.
    """

    network: nn.Module
    source: symmetrization.Source
    rep_in: PyTree = "point"
    rep_out: PyTree = "invariant"
    read: Callable[..., Any] | None = None

    @nn.compact
    def __call__(
        self, *arguments: PyTree, key: PRNGKey | None = None, deterministic: bool | None = None
    ) -> PyTree:
        """Apply the symmetrized network.

        Args:
            *arguments: Those of the network.
            key: For random sources; when None, the stream `"frames"` if there is one.
            deterministic: Told the network, if not None.

        Returns:
            What the network returns, moved by `rep_out` and averaged.
        """
        if key is None and self.has_rng("frames"):
            key = self.make_rng("frames")
        symmetrization.check_group(self.source, arguments, self.rep_in)
        frame = self.source(arguments[0] if self.read is None else self.read(*arguments), key=key)
        moved = symmetrization.pull_back(frame, arguments, self.rep_in)
        options = {} if deterministic is None else {"deterministic": deterministic}

        def call(network: nn.Module, moved: tuple[PyTree, ...]) -> PyTree:
            return network(*moved, **options)

        axes: Any = (symmetrization.axes_of(self.rep_in),)  # annotated as an int by Flax
        outputs = nn.vmap(
            call,
            variable_axes={"intermediates": 0, nn.DenyList("intermediates"): None},
            split_rngs={"params": False, nn.DenyList("params"): True},
            in_axes=axes,
            axis_size=frame.size,
        )(self.network, moved)
        self.sow("intermediates", "frame", jax.lax.stop_gradient(frame))
        return symmetrization.push_forward(frame, outputs, self.rep_out)
