"""Guest Gateway: messages to guests, judged by the law, delivered, and proven.

What stands here is all that a plugin may import.
"""

from gateway.channel import Channel, Message, Sender, Sent, Tools
from gateway.config.values import Seconds
from gateway.errors import Failure, NotUsable, PermanentFailure, Stopped, TemporaryFailure
from gateway.hookspecs import hookimpl
from gateway.limiter import Limiter
from gateway.limiter import State as LimiterState
from gateway.mime import build as email_bytes
from gateway.rules import Defer, Deny, Pack, Warn

__version__ = "0.1.0"
__all__ = [
    "Channel",
    "Defer",
    "Deny",
    "Failure",
    "Limiter",
    "LimiterState",
    "Message",
    "NotUsable",
    "Pack",
    "PermanentFailure",
    "Seconds",
    "Sender",
    "Sent",
    "Stopped",
    "TemporaryFailure",
    "Tools",
    "Warn",
    "email_bytes",
    "hookimpl",
]
