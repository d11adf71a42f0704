"""Colour refinement, the 1-WL test: what networks that pass messages can tell apart at most."""

import numpy as np

Array = np.ndarray


def refine_colours(adjacency: Array) -> Array:
    """Refine the colours of nodes by those of their neighbours, as 1-WL does.

    All nodes begin with one colour. In each of n rounds a node's new colour stands for its colour
    and the multiset of its neighbours' colours. Colours are 64-bit hashes, the same function for
    all graphs of n nodes, so that those of different graphs can be compared. Equal hashes of
    different multisets are not excluded, only never met.

    Args:
        adjacency: `[*batch, n, n]`, symmetric, 0 and 1.

    Returns:
        Colours `[*batch, n]` uint64.

    Equivariance: S_n permutes the colours.

    >>> path = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]])
    >>> first, second, third = refine_colours(path).tolist()
    >>> first == third, first == second
    (True, False)
    """
    count = np.shape(adjacency)[-1]
    return _refine(adjacency, np.ones((1, count), np.uint64))[..., 0, :]


def colour_signature(adjacency: Array, *, marked: bool = False) -> Array:
    """Return one number per graph, the same for graphs that 1-WL cannot tell apart.

    Args:
        adjacency: `[*batch, n, n]`, symmetric, 0 and 1.
        marked: Whether to refine n times, with another node having a colour of its own each time,
            and to return a hash of the multiset of the results: stronger than 1-WL, and invariant.

    Returns:
        `[*batch]` uint64. Different numbers mean different results of 1-WL; equal ones mean equal
        results up to collisions of hashes, as in `refine_colours`.

    Equivariance: Invariant under S_n.

    >>> path = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]])
    >>> bool(colour_signature(path) == colour_signature(np.roll(path, 1, axis=(0, 1))))
    True
    """
    count = np.shape(adjacency)[-1]
    colours = 1 + np.eye(count, dtype=np.uint64) if marked else np.ones((1, count), np.uint64)
    return _mix(_mix(_refine(adjacency, colours)).sum(axis=-1)).sum(axis=-1)


def _refine(adjacency: Array, colours: Array) -> Array:
    """Return K refined colourings `[*batch, K, n]` of first colours `[K, n]`."""
    adjacency = np.asarray(adjacency).astype(np.uint64)
    for _ in range(adjacency.shape[-1]):
        colours = _mix(np.uint64(3) * colours + _mix(colours) @ adjacency)
    return colours


def _mix(values: Array) -> Array:
    """Return hashes of 64-bit numbers; a bijection (the finalizer of splitmix64)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
