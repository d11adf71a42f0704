"""The studies of the symmetrization table, by name: what `config.study` may say."""

from collections.abc import Callable

import ml_collections

from experiments.symmetrization_studies import (
    digits,
    frame_errors,
    graph_classes,
    graph_separation,
    lorentz,
)
from experiments.symmetrization_studies.study import Study

STUDIES: dict[str, Callable[[ml_collections.ConfigDict], Study]] = {
    "digits": digits.make_study,
    "frame_errors": frame_errors.make_study,
    "graph_classes": graph_classes.make_study,
    "graph_separation": graph_separation.make_study,
    "lorentz": lorentz.make_study,
}
