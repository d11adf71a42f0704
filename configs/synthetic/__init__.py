"""Configurations of the synthetic benchmark."""
