"""Plain networks made symmetric from outside: graphs, digits, four-vectors, errors of frames."""
