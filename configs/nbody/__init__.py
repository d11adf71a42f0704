"""The charged 5-body table of Satorras, Hoogeboom, Welling 2021, arXiv:2102.09844, table 2."""
