"""The providers that config.toml names, made of the plugins that are installed."""

from functools import partial

from gateway.clock import Clock
from gateway.config import Config, ConfigFault, ConfigFaults
from gateway.data_folder import DataFolder
from gateway.delivery.apart import Apart
from gateway.limits import tables
from gateway.logs import Log
from gateway.plugins import Plugins
from gateway.routing import Provider
from gateway.tools import ProviderTools


def build(config: Config, found: Plugins, clock: Clock, data: DataFolder, log: Log) -> list[Provider]:
    """One provider for each table of config.toml. Raises ConfigFaults for what asks for more than is there."""
    if wrong := faults(config, found):
        raise ConfigFaults(wrong)
    return [_provider(name, config, found, clock, data, log) for name in config.providers]


def _provider(name: str, config: Config, found: Plugins, clock: Clock, data: DataFolder, log: Log) -> Provider:
    """What may have been taken is sent again only where that does no harm, or where config.toml says so. A channel
    that is not built in is kept apart."""
    table = config.providers[name]
    kind = found.channels[table.plugin]
    tools = ProviderTools(name, table.channel, table.connections, clock, data.path)
    make = partial(kind, config.provider_settings(name, kind.Settings)[0], tools)
    plugin = make() if found.owners[kind].built_in else Apart(name, kind, make, log)
    harmless = table.channel == "email" or plugin.deduplicates
    resend = table.uncertain == "resend" if table.uncertain else harmless
    provider = Provider(name, table.channel, plugin, clock, connections=table.connections,
                        timeout=table.timeout, resend_uncertain=resend, rate=table.rate)  # fmt: skip
    if isinstance(plugin, Apart):
        plugin.spent = provider.stop
    return provider


def faults(config: Config, found: Plugins) -> list[ConfigFault]:
    """What config.toml asks for and is not there: unknown plugins, algorithms, keys, channels; secrets to be read."""
    wrong = []
    for name, table in config.providers.items():
        kind = found.channels.get(table.plugin)
        if kind is None:
            wrong.append(config.unknown_plugin(name, found.channels))
            continue
        wrong += config.provider_settings(name, kind.Settings)[1]
        if kind.channels and table.channel not in kind.channels:
            wrong.append(config.unserved_channel(name, kind.channels))
    return [*wrong, *tables.faults(config, found.limiters), *config.unusable_secrets()]
