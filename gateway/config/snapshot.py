"""The configuration as the gateway works with it: read once, checked as a whole, never changed."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from gateway.clock import is_shorter
from gateway.config import counted
from gateway.config.colours import GROUNDS, READABLE, contrast, lightened, readable
from gateway.config.converter import convert
from gateway.config.faults import ConfigFault, ConfigFaults, suggestion
from gateway.config.faults import Path as Place
from gateway.config.secret import names_secret, read_secret, world_readable
from gateway.config.sections import Provider, Sections
from gateway.config.source import Source, leaves
from gateway.config.values import loopback
from gateway.errors import NotUsable
from gateway.rules.house import OwnRule
from gateway.rules.policy import PolicyChange

COMMON = frozenset(Provider.__struct_fields__)
"""Keys of a provider's table that are the gateway's; the others are the plugin's."""

FIXED = ("server", "plugins", "store", "audit", "logs")
"""Sections that are only looked at when the gateway starts."""


LEAST_PROOF = "5 years"
"""How long German law wants it to be proven that somebody agreed to calls (UWG §7a)."""


class Config(Sections, frozen=True, kw_only=True):
    """Everything config.toml says or leaves to the defaults, as one frozen value."""

    source: Source

    @property
    def link_base(self) -> str:
        """What guests' links begin with; "" when no guest could follow them."""
        server = self.server
        if server.public_url or not loopback(server.host):
            return server.public_url
        host = f"[{server.host}]" if ":" in server.host else server.host
        return f"http://{host}:{server.port}"

    @property
    def accent(self) -> tuple[str, str] | None:
        """The colour of guests' pages by day and by night; None where the gateway's own stays."""
        pair = self._accents()
        return pair if pair and all(map(readable, pair, GROUNDS)) else None

    def _accents(self) -> tuple[str, str] | None:
        venue = self.venue
        return (venue.accent, venue.accent_dark or lightened(venue.accent)) if venue.accent else None

    def _faint_accents(self) -> Iterator[str]:
        """Why an accent is not used: words in it would be hard to read."""
        for key, colour, ground in zip(("accent", "accent_dark"), self._accents() or (), GROUNDS, strict=False):
            if not readable(colour, ground):
                why = f"{contrast(colour, ground):.1f}:1 on {ground}, and {READABLE}:1 is needed; it is not used"
                yield self.source.fault("faint-colour", ("venue", key), why).line_of("warning")

    def provider_settings(self, name: str, settings: type[Struct]) -> tuple[Any, list[ConfigFault]]:
        """The plugin's own keys of a provider's table as its Settings, or None and every fault.

        Settings may declare a key of the gateway's, such as `timeout`, to see what was written there.
        """
        others = COMMON.difference(settings.__struct_encode_fields__)
        mine = {key: value for key, value in self.source.tree["providers"][name].items() if key not in others}
        return convert(self.source.fault, ("providers", name), mine, settings)

    def unknown_plugin(self, name: str, known: Iterable[str]) -> ConfigFault:
        """The fault of a provider whose plugin is not there."""
        return self._unknown(("providers", name, "plugin"), self.providers[name].plugin, known)

    def unserved_channel(self, name: str, served: Iterable[str]) -> ConfigFault:
        """The fault of a provider whose plugin cannot serve its channel."""
        return self._unknown(("providers", name, "channel"), self.providers[name].channel, served)

    def unknown_algorithm(self, name: str, known: Iterable[str]) -> ConfigFault:
        """The fault of a limit whose limiter is not there."""
        return self._unknown(("limits", name, "algorithm"), self.limits[name].algorithm, known)

    def unusable_limit(self, name: str, key: str, detail: str) -> ConfigFault:
        """The fault of a limit whose limiter cannot do what a key says."""
        return self.source.fault("wrong-value", ("limits", name, key), detail)

    def _unknown(self, path: Place, wrong: str, known: Iterable[str]) -> ConfigFault:
        return self.source.fault("unknown-plugin", path, suggestion(wrong, sorted(known)))

    def unusable_secrets(self) -> list[ConfigFault]:
        """The faults of secret files that are missing, unreadable, empty or no text. Reads them and keeps nothing."""
        return [
            self.source.fault("unusable-secret", path, why)
            for path, file in self._secret_files()
            if (why := _unusable(file))
        ]

    def warnings(self) -> list[str]:
        """What works and should not stay so: secrets everybody on this machine can read, ways into the house, colours
        that are not used because they could not be read."""
        way_in = "webhooks may reach addresses that are not public"
        opened = [self.source.fault("open-egress", ("egress", "allow"), way_in).line_of("warning")]
        return [*(opened if self.egress.allow else []), *self._faint_accents()] + [
            self.source.fault("open-secret", path, "others can read this file: chmod 600 it").line_of("warning")
            for path, file in self._secret_files()
            if world_readable(file)
        ]

    def _secret_files(self) -> list[tuple[Place, Path]]:
        """Every file that is named to hold a secret, and where it is named."""
        named = ((path, value) for path, value in leaves(self.source.tree) if names_secret(str(path[-1])))
        return [(path, Path(value)) for path, value in named if isinstance(value, str) and value]


def _unusable(file: Path) -> str:
    """Why this file gives no secret and what would be right; "" where it gives one."""
    try:
        read_secret(file)
    except NotUsable as error:
        return str(error).replace(" — ", "; ")
    return ""


def load(path: Path | None, environ: Mapping[str, str]) -> Config:
    """The configuration of a file (None: of defaults that work) under the `GATEWAY__` variables of an environment.

    Raises ConfigFaults with everything that is wrong.
    """
    source = Source(path, environ)
    tree = source.tree | {"providers": own_keys(source.tree["providers"])}
    sections, wrong = convert(source.fault, (), tree, Sections)
    faults = [*source.faults, *source.inline_secrets(), *wrong, *unlawful(source)]
    if sections is not None:
        faults += odd(sections, source)
    if faults:
        raise ConfigFaults(faults)
    return Config(**structs.asdict(sections), source=source)


def own_keys(providers: Any) -> Any:
    """The providers' tables without what belongs to their plugins."""
    if not isinstance(providers, dict):
        return providers
    return {
        name: {key: value for key, value in table.items() if key in COMMON} if isinstance(table, dict) else table
        for name, table in providers.items()
    }


def unlawful(source: Source) -> list[ConfigFault]:
    """What the rules do not let a venue set, or not so."""
    compliance = source.tree.get("compliance")
    if not isinstance(compliance, dict):
        return []
    policy, rules = compliance.get("policy"), compliance.get("rules")
    faults = (
        convert(source.fault, ("compliance", "policy"), policy, PolicyChange)[1] if isinstance(policy, dict) else []
    )
    ids: set[str] = set()
    for number, rule in enumerate(rules if isinstance(rules, list) else []):
        path: Place = ("compliance", "rules", number)
        if isinstance(rule, dict):
            faults += convert(source.fault, path, rule, OwnRule)[1]
            if (id_ := str(rule.get("id"))) in ids:
                faults.append(source.fault("wrong-value", (*path, "id"), "another rule has it"))
            ids.add(id_)
    return faults


def odd(config: Sections, source: Source) -> Iterator[ConfigFault]:
    """Values that are right each by itself and wrong together."""
    server = config.server
    if server.port and server.port == server.ops_port and server.host == server.ops_host:
        yield source.fault("wrong-value", ("server", "ops_port"), "must be another port than server.port")
    for number, network in enumerate(config.access.allow):
        if network in config.access.deny:
            yield source.fault("wrong-value", ("access", "allow", number), "access.deny has it too")
    if is_shorter(config.retention.consents, LEAST_PROOF):
        detail = f'must be at least "{LEAST_PROOF}": so long some laws want it to be proven'
        yield source.fault("wrong-value", ("retention", "consents"), detail)
    if config.audit.webhook and config.audit.webhook_secret_file is None:
        yield source.fault("wrong-value", ("audit", "webhook"), "must come with audit.webhook_secret_file")
    for name, limit in config.limits.items():
        for key, detail in counted.odd(limit.endpoints, limit.by, limit.cost):
            yield source.fault("wrong-value", ("limits", name, key), detail)


def restart_needed(old: Config, new: Config) -> list[str]:
    """The keys that differ and are only looked at when the gateway starts, such as `server.port`."""
    return [
        f"{section}.{key}"
        for section in FIXED
        for key in getattr(old, section).__struct_fields__
        if getattr(getattr(old, section), key) != getattr(getattr(new, section), key)
    ]


def starter() -> str:
    """The text of a config.toml to begin with; it works as it is."""
    return Path(__file__).with_name("starter.toml").read_text("utf-8")
