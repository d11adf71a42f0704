"""Exact counts of equivariant maps, from characters and tableaux, without building any."""
