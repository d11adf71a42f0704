"""Keep generated configurations with their provenance, so that nothing is generated twice."""

import json
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from symjax_models import progress
from symjax_models.data import cache
from symjax_models.data.structures import Structures

_PROVENANCE = "provenance"


def load_or_generate(
    stem: str,
    generate: Callable[[], Structures],
    *,
    constants: Mapping[str, Any],
    folder: str | os.PathLike | None = None,
    report: progress.Report | None = None,
) -> Structures:
    """Return configurations from the cache, or generate and store them; see `cache.load_or_make`.

    Args:
        stem: First part of the file name.
        generate: Generates the configurations.
        constants: Everything that decides them; JSON types.
        folder: Folder of the cache; None takes `cache.default_folder`.
        report: Takes each warning line; None writes to standard error.

    Returns:
        The configurations, with the provenance that `generate` gave them.
    """

    def make() -> cache.Arrays:
        made = generate()
        return made.to_arrays() | {_PROVENANCE: np.array(json.dumps(dict(made.provenance)))}

    folder = pathlib.Path(folder) if folder is not None else None
    arrays = cache.load_or_make(stem, make, constants=constants, folder=folder, report=report)
    provenance = json.loads(str(arrays[_PROVENANCE]))
    rest = {name: values for name, values in arrays.items() if name != _PROVENANCE}
    return Structures.from_arrays(rest, provenance=provenance)
