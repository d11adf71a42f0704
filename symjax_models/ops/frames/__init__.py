"""Where the group elements of `symmetrization.symmetrize` come from; see `frames`."""

from symjax_models.ops.frames.pca import PCAFrames
from symjax_models.ops.frames.sampling import Haar, WholeGroup

__all__ = ["Haar", "PCAFrames", "WholeGroup"]
