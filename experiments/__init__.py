"""Experiments: one script per benchmark, `reproduce` for whole tables, stored results."""
