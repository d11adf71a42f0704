"""Registration of overlapping views under growing rotation, overlap and noise, arXiv:2407.10142."""
