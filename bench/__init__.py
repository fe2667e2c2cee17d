"""Figures, each measured beside its reference in the same run. `make bench`, or `make bench ARGS=single`."""
