"""From the tables of config.toml to rules."""

from collections.abc import Iterator, Mapping

from gateway.config import Config, ConfigFault, Limit
from gateway.errors import NotUsable
from gateway.limiter import Limiter
from gateway.limits.rule import SECOND, Rule

Kinds = Mapping[str, type[Limiter]]
"""The algorithms there are, by name."""


def rules(config: Config, kinds: Kinds) -> list[Rule]:
    """One rule for each table that is not switched off. Raises NotUsable where `faults` finds any."""
    return [
        Rule(name, _limiter(table, kinds[table.algorithm]), tuple(table.by.split("+")), table.endpoints, table.cost,
             table.exempt, table.dry_run)
        for name, table in config.limits.items() if table.enabled
    ]  # fmt: skip


def faults(config: Config, kinds: Kinds) -> Iterator[ConfigFault]:
    """What the tables ask of algorithms and cannot have."""
    for name, table in config.limits.items():
        kind = kinds.get(table.algorithm)
        if not table.enabled:
            continue
        if kind is None:
            yield config.unknown_algorithm(name, kinds)
        elif table.burst is not None and not kind.bursts:
            yield config.unusable_limit(name, "burst", f"must be left out: {kind.name} has none")
        elif why := _refusal(table, kind):
            yield config.unusable_limit(name, "algorithm", why)


def _refusal(table: Limit, kind: type[Limiter]) -> str:
    """Why an algorithm cannot do what its table says; "" where it can."""
    try:
        _limiter(table, kind)
    except NotUsable as error:
        return str(error).replace(" — ", "; ")
    except Exception as error:  # noqa: BLE001 whatever a stranger's plugin does
        return f"the plugin failed with {type(error).__name__}"
    return ""


def _limiter(table: Limit, kind: type[Limiter]) -> Limiter:
    """Without a burst, the quota is one."""
    return kind(kind.Settings(table.quota, round(table.window * SECOND), table.burst or table.quota))
