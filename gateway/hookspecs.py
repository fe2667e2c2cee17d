"""Every hook there is. All are plain functions: they register classes or observe; work is done by what they register.

Registering hooks are called once at start, before config.toml is applied. They must not open connections, read the
data folder or start threads: a class is only instantiated when a table of config.toml names it.
"""

import pluggy

from gateway.channel import Channel
from gateway.limiter import Limiter
from gateway.rules import Pack

hookspec = pluggy.HookspecMarker("gateway")
hookimpl = pluggy.HookimplMarker("gateway")


@hookspec
def register_channels() -> list[type[Channel]]:
    """Return the channels this plugin adds.

    A class serves a channel once a `[providers.<name>]` table names it in `plugin`.
    """


@hookspec
def register_limiters() -> list[type[Limiter]]:
    """Return the rate-limit algorithms this plugin adds.

    A class is used by the `[limits.<name>]` tables that name it in `algorithm`.
    """


@hookspec
def register_rules() -> list[Pack]:
    """Return the rule packs this plugin adds.

    Every pack returned is in force at once and for good: a law cannot be switched off. A pack that does not load stops
    the start.
    """
