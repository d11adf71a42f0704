"""Closed-form bases: diagrams, applied as contractions, permutations and copies."""
