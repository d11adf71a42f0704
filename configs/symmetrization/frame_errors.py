r"""How exact the sources of group elements are, on generic and on degenerate inputs.

Paper: Puny et al. 2022, arXiv:2110.03336, and Lin et al. 2024, arXiv:2406.07598, which show errors
    of an untrained network as heat maps, about 1e-7 for exact frames; no printed digits.
Command: python -m experiments.symmetrization \
    --config=configs/symmetrization/frame_errors.py:quick --workdir=runs/x \
    --config.method=minimal
Time: `quick`, 4 to 25 s per method on 2 busy CPU cores, most of it compilation; lorentz 70 s.
Expected: float32 / float64, on generic clouds: none 5, `pca_all` 8e-7 / 1e-15,
    `pca_moment` 1e-6 / 2e-15, `minimal` 7e-7 / 2e-15, `mds_frames` 2e-6 / 4e-15, `lorentz` 4e-6 /
    7e-15; the sign rule of `component_sum` 1.6 under rotations, `first_rows` 1.6 under
    permutations. On symmetric clouds `pca_all` is off by 0.8, and `pca_moment` on planar and
    collinear ones too; `minimal`, `mds_frames` and `lorentz` stay exact on all of them. One draw of
    `pca_random` or 64 of `haar` is exact in expectation alone. `laplacian` is exact but for graphs
    with more choices than elements (the cycle: 720, 24).
"""

import ml_collections

from configs.symmetrization import base

METHODS = (
    "none",
    "pca_all",
    "pca_moment",
    "pca_random",
    "component_sum",
    "minimal",
    "first_rows",
    "whole_group",
    "haar",
    "mds_frames",
    "lorentz",
    "laplacian",
)
CASES = ("generic", "collinear", "planar", "symmetric")


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="frame_errors", methods=METHODS)
    smoke = config.preset == "smoke"
    if config.preset == "quick":
        config.seeds = (0,)  # of the network and of the inputs
    config.data.cases = CASES[:1] if smoke else CASES
    config.data.num_clouds = 2 if smoke else 4
    config.data.num_points = 8 if smoke else 16
    config.data.num_samples = 2 if smoke else 8  # elements that inputs are moved by
    return config
