"""Guest Gateway: messages to guests, judged by the law, delivered, and proven. These names are what plugins may use."""

from gateway.channel import Channel, Message, Outcome, Sender, Sent
from gateway.errors import Failure, PermanentFailure, TemporaryFailure
from gateway.hookspecs import hookimpl
from gateway.limiter import Limiter
from gateway.rules import Defer, Deny, Pack, Warn

__version__ = "0.1.0"

__all__ = [
    "Channel", "Defer", "Deny", "Failure", "Limiter", "Message", "Outcome", "Pack", "PermanentFailure", "Sender",
    "Sent", "TemporaryFailure", "Warn", "hookimpl",
]  # fmt: skip
