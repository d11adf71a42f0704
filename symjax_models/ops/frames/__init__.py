"""Where the group elements of `symmetrization.symmetrize` come from: `frames(group)`, and more."""

from symjax_models import groups
from symjax_models.ops.frames.laplacian_sort import LaplacianSort
from symjax_models.ops.frames.lorentz import LorentzFrames
from symjax_models.ops.frames.minimal import MinimalFrames
from symjax_models.ops.frames.pca import PCAFrames
from symjax_models.ops.frames.sampling import Haar, WholeGroup
from symjax_models.ops.symmetrization import Source

__all__ = [
    "Haar",
    "LaplacianSort",
    "LorentzFrames",
    "MinimalFrames",
    "PCAFrames",
    "WholeGroup",
    "frames",
]


def frames(group: groups.Group) -> Source:
    """Return the usual frames of a group; the classes of this folder have options.

    Args:
        group: SO(d), O(d), SE(d) and E(d) take the principal axes of points, with all signs;
            IndefiniteO(1, d - 1) and its subgroups, such as Lorentz(), frames of four-vectors; S(n)
            sorts the nodes of a graph by its Laplacian; a finite group is taken as a whole.

    Returns:
        The source, for `symmetrization.symmetrize` and `layers.Symmetrize`.

    Raises:
        ValueError: If there are no frames of this group; says what there is.

    >>> frames(groups.SE(3))
    PCAFrames(group=SE(3), signs='all', keep_last_axis=False, is_differentiable=False)
    """
    if not isinstance(group, groups.Group):
        raise ValueError(f"expected a group such as groups.SO(3), got {group!r}")
    if isinstance(group, (groups.SO, groups.O, groups.SE, groups.E)):
        return PCAFrames(group)
    if isinstance(group, (groups.IndefiniteO, groups.IndefiniteSO, groups.Lorentz)):
        return LorentzFrames(group)
    if isinstance(group, groups.S):
        return LaplacianSort()
    if group.order < float("inf"):
        return WholeGroup(group)
    raise ValueError(
        f"no frames are known for {group!r}; there are those of SO(d), O(d), SE(d), E(d), "
        "IndefiniteO(1, d - 1) and S(n), finite groups as a whole, and Haar samples of any group"
    )
