"""Hamiltonians of water in PBE/def2-SVP, as of Schuett et al. 2019, arXiv:1906.10033."""
