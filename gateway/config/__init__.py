"""`config.toml`: what it may say, what it says, and everything that is wrong with it."""

from gateway.config.converter import convert
from gateway.config.faults import ConfigFault, ConfigFaults
from gateway.config.manual import Shown, explain, keys, schema, show
from gateway.config.secret import read_secret
from gateway.config.sections import (
    Access,
    Audit,
    Delivery,
    Limit,
    Logs,
    Overload,
    Provider,
    Retention,
    Sender,
    Server,
    Venue,
)
from gateway.config.snapshot import Config, load, restart_needed, starter
from gateway.config.values import Bytes, Folder, Seconds

__all__ = [
    "Access",
    "Audit",
    "Bytes",
    "Config",
    "ConfigFault",
    "ConfigFaults",
    "Delivery",
    "Folder",
    "Limit",
    "Logs",
    "Overload",
    "Provider",
    "Retention",
    "Seconds",
    "Sender",
    "Server",
    "Shown",
    "Venue",
    "convert",
    "explain",
    "keys",
    "load",
    "read_secret",
    "restart_needed",
    "schema",
    "show",
    "starter",
]
