"""What limits would do to a trace: the rules that serve, with the trace's time and a ledger in memory."""

from gateway.simulation.ask import Ask
from gateway.simulation.load import load
from gateway.simulation.picture import picture
from gateway.simulation.report import Report, Slice, Stopped
from gateway.simulation.run import simulate
from gateway.simulation.trace import Trace, read

__all__ = ["Ask", "Report", "Slice", "Stopped", "Trace", "load", "picture", "read", "simulate"]
