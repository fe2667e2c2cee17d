"""From where, and with which keys, the API may be used at all: rules of config.toml and rules made while it runs."""

from gateway.access.collection import Collection
from gateway.access.gate import Gate
from gateway.access.lists import Lists

__all__ = ["Collection", "Gate", "Lists"]
