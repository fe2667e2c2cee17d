"""Kills, and what they cost. `make faults`; the suite runs a short form of the same."""
