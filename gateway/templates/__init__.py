"""Templates: a language, its limits, and what comes of it. Pure: no store, no clock, no network.

`press` (and what it imports) costs a second to load, so it is imported by whoever uses the first template.
"""

from gateway.templates.languages import canonical, chain
from gateway.templates.variables import Schema, Variable, samples
from gateway.templates.words import LONGEST_SOURCE, LONGEST_SUBJECT, Printed, Ready, Words

__all__ = [
    "LONGEST_SOURCE", "LONGEST_SUBJECT", "Printed", "Ready", "Schema", "Variable", "Words", "canonical", "chain",
    "samples",
]  # fmt: skip
