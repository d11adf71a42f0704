"""Make any function equivariant: the mean over group elements that move with the input."""

import dataclasses
from collections.abc import Callable
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from symjax_models import groups
from symjax_models.ops import actions
from symjax_models.typing import Array, PRNGKey, PyTree


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Frame:
    """Hold K group elements per input, with weights: a weighted frame, or samples of one.

    Attributes:
        elements: g, matrices `[K, *batch, n, n]`.
        inverses: g^-1, `[K, *batch, n, n]`.
        weights: `[K, *batch]`, not negative, with sum 1 over K; 0 marks elements that are padding.
        logits: Scores `[|G|, *batch]` of all elements of a finite group, the identity first, that
            a learned choice of one of them was made by; None elsewhere.
    """

    elements: Array
    inverses: Array
    weights: Array
    logits: Array | None = None

    @property
    def size(self) -> int:
        """K, the number of times that a symmetrized function evaluates its network."""
        return self.weights.shape[0]


class Source(Protocol):
    """Make a frame of an input: `source(x, key=...)`, with `x` as the network's first argument."""

    def __call__(self, x: Any, *, key: PRNGKey | None = None) -> Frame:
        """Return the frame of the inputs `[*batch, ...]`."""
        ...


def symmetrize(
    f: Callable[..., PyTree],
    *,
    source: Source,
    rep_in: PyTree,
    rep_out: PyTree,
    read: Callable[..., Any] | None = None,
) -> Callable[..., PyTree]:
    """Make a function equivariant by averaging it over the frame of its input.

    h(x) = sum_k w_k rho_out(g_k) f(rho_in(g_k)^-1 x),  (g_k, w_k) = source(x)

    Args:
        f: Any function of arrays `[*batch, ...]` that keeps the batch axes.
        source: Makes the frame: `frames(group)`, `WholeGroup(group)`, ... of `ops.frames`.
        rep_in: How the group acts on every argument: a tuple of actions, or of pytrees of them, or
            one action if there is one argument. An action is a name of `actions.ACTIONS` or a
            `Rep`.
        rep_out: How it acts on the output: an action, or a pytree of them.
        read: Picks of the arguments what the frame is made of; the first argument when None.

    Returns:
        A function of the arguments of `f` and of `key`, which random sources need. It evaluates
        `f` once, over a new leading axis of K.

    Equivariance:
        `h(rho_in(g) x) = rho_out(g) h(x)` exactly if the weighted frame moves with the input,
        `source(g x) = g source(x)` up to the order of the elements; in expectation over keys if
        its law does. See the source for the inputs at which it cannot.

    Numerics:
        K evaluations of `f` in one batched call: K times its operations, one compiled program.

    Source:
        O. Puny et al., "Frame Averaging for Invariant and Equivariant Network Design", 2022,
        equation 3, arXiv:2110.03336, with weights as in J. Kim et al., "Learning Probabilistic
        Symmetrization for Architecture Agnostic Equivariance", 2023, equation 3, arXiv:2306.02866.

    >>> from symjax_models import groups
    >>> from symjax_models.ops.frames import frames
    >>> h = symmetrize(lambda x: x[..., 0, 0], source=frames(groups.SO(2)), rep_in="point",
    ...                rep_out="invariant")
    >>> abs(float(h(jnp.array([[1.0, 2.0], [3.0, 1.0]])))) < 1e-6
    True
    """

    def symmetrized(*arguments: PyTree, key: PRNGKey | None = None) -> PyTree:
        check_group(source, arguments, rep_in)
        frame = source(arguments[0] if read is None else read(*arguments), key=key)
        moved = pull_back(frame, arguments, rep_in)
        outputs = jax.vmap(f, in_axes=axes_of(rep_in), axis_size=frame.size)(*moved)
        return push_forward(frame, outputs, rep_out)

    return symmetrized


def check_group(source: Source, arguments: tuple[PyTree, ...], rep_in: PyTree) -> None:
    """Raise unless the group of a source fits the vectors and points among the arguments.

    Matrices `[n, n]` act on points of n - 1 components too, as affine maps; of an orthogonal group
    they would be none.

    Args:
        source: The source; its group is `source.group`, if it has one.
        arguments: The arguments of a function.
        rep_in: How the group acts on them; see `symmetrize`.

    Raises:
        ValueError: If the dimension of the group is another, or the source is a group.
    """
    if isinstance(source, groups.Group):
        raise ValueError(f"expected a source of elements, as frames({source!r}), got {source!r}")
    group = getattr(source, "group", None)
    kinds = _actions_of(rep_in)
    if not isinstance(group, groups.Group) or not group.is_orthogonal:
        return
    for kind, part in zip(kinds, arguments, strict=False):
        if kind in ("vector", "point") and jnp.shape(part)[-1:] != (group.n,):
            raise ValueError(
                f"expected points or vectors of {group.n} components for elements of {group!r}, "
                f"got {list(jnp.shape(part))}"
            )


def pull_back(frame: Frame, arguments: tuple[PyTree, ...], rep_in: PyTree) -> tuple[PyTree, ...]:
    """Return `rho_in(g_k)^-1 x` for all k, every array with a new leading axis of K.

    Arguments whose action is "invariant" as a whole stay as they are, without the new axis: graphs
    need not be copied.

    Args:
        frame: The frame.
        arguments: The arguments of a function.
        rep_in: How the group acts on them; see `symmetrize`.

    Raises:
        ValueError: If there is another number of actions than of arguments.
    """
    kinds = _actions_of(rep_in)
    if len(kinds) != len(arguments):
        raise ValueError(
            f"expected one action per argument in rep_in, got {len(kinds)} for {len(arguments)}"
        )
    move = lambda kind, part: jax.vmap(lambda g: actions.act(kind, g, part))(frame.inverses)  # noqa: E731
    return tuple(
        part if axis is None else move(kind, part)
        for kind, part, axis in zip(kinds, arguments, axes_of(rep_in), strict=True)
    )


def axes_of(rep_in: PyTree) -> tuple[int | None, ...]:
    """Return for every argument the axis of K of what `pull_back` makes of it: 0, or None."""
    return tuple(None if kind == "invariant" else 0 for kind in _actions_of(rep_in))


def _actions_of(rep_in: PyTree) -> tuple[PyTree, ...]:
    return rep_in if isinstance(rep_in, tuple) else (rep_in,)


def push_forward(frame: Frame, outputs: PyTree, rep_out: PyTree) -> PyTree:
    """Return `sum_k w_k rho_out(g_k) y_k`.

    Args:
        frame: The frame.
        outputs: y_k, a pytree of arrays `[K, *batch, ...]`.
        rep_out: How the group acts on them; see `symmetrize`.

    Raises:
        ValueError: If an output has not the batch axes of the frame.
    """
    axes = frame.weights.shape
    for y in jax.tree.leaves(outputs):
        if jnp.shape(y)[: len(axes)] != axes:
            raise ValueError(
                f"expected outputs of a network with first axes {list(axes[1:])}, those of the "
                f"frame's batch, got shape {list(jnp.shape(y)[1:])}"
            )
    moved = jax.vmap(lambda g, y: actions.act(rep_out, g, y))(frame.elements, outputs)

    def mean(y: Array) -> Array:
        weights = frame.weights.reshape(frame.weights.shape + (1,) * (y.ndim - frame.weights.ndim))
        # Padding may hold anything, and 0 * inf is not 0.
        return jnp.sum(jnp.where(weights > 0, weights * y, 0), axis=0)

    return jax.tree.map(mean, moved)


def prior_loss(frame: Frame) -> Array:
    """Measure how far a learned canonicalization moves inputs that are upright already.

    Added to the loss of training data whose pose is the one the network knows, it keeps the
    canonicalization from turning them away from it.

    Args:
        frame: The frame of a learned canonicalization, of K = 1 element or with `logits`.

    Returns:
        Losses `[*batch]`: `-log p(1)` under the softmax of the logits, where the first element is
        the identity; without logits, the mean squared difference of the matrices from it.

    Source:
        A. K. Mondal et al., "Equivariant Adaptation of Large Pretrained Models", 2023, equations 3
        to 5, arXiv:2310.01647.
    """
    if frame.logits is not None:
        return -jax.nn.log_softmax(frame.logits, axis=0)[0]
    identity = jnp.eye(frame.elements.shape[-1], dtype=frame.elements.dtype)
    return jnp.mean(jnp.square(frame.elements - identity), axis=(0, -2, -1))


def identity_metric(frame: Frame, *, tolerance: float = 1e-3) -> Array:
    """Tell which inputs a canonicalization leaves as they are.

    Args:
        frame: The frame.
        tolerance: Largest difference of an entry from the identity that counts as none.

    Returns:
        The weight of the elements that are the identity, `[*batch]`, between 0 and 1.
    """
    identity = jnp.eye(frame.elements.shape[-1], dtype=frame.elements.dtype)
    is_identity = jnp.max(jnp.abs(frame.elements - identity), axis=(-2, -1)) <= tolerance
    return jnp.sum(jnp.where(is_identity, frame.weights, 0), axis=0)
