"""Revised MD17: Christensen, von Lilienfeld 2020, arXiv:2007.09593; table of arXiv:2206.07697."""
