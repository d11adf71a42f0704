"""Configurations, one folder per benchmark, one file per row; each docstring is the record."""
