"""The record of who did what: written, shown, proven, kept outside, reported."""

from gateway.record.chain import NOTHING, Record
from gateway.record.outside import Outside
from gateway.record.proofs import Proofs
from gateway.record.report import Reports

__all__ = ["NOTHING", "Outside", "Proofs", "Record", "Reports"]
