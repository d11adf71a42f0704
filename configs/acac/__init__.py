"""Acetylacetone of Batatia et al. 2022, arXiv:2205.06643: extrapolation in temperature."""
