"""Benchmarks: our speed beside that of bare matrix products and of other ways to do the same.

Every candidate first has to give the same numbers; then all are timed in turns, in one process.
"""
