"""Classes, parts and normals of clouds under z/z, z/SO(3) and SO(3)/SO(3), arXiv:2104.12229."""
