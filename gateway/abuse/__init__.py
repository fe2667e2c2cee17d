"""Who behaves like an abuser: eight patterns that score, scores that fade, and the steps that they lead to."""

from gateway.abuse.hold import Hold, Step
from gateway.abuse.register import Register
from gateway.abuse.signals import SIGNALS, Sight, Signal
from gateway.abuse.trail import Trail
from gateway.abuse.watch import Watch

__all__ = ["SIGNALS", "Hold", "Register", "Sight", "Signal", "Step", "Trail", "Watch"]
