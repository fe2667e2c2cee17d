"""Finds, checks and builds plugins: the built-in folder, folders named in config.toml, installed packages.

A broken channel is set aside and named; the gateway starts without it. Rules that do not load stop the start, and so
does a limiter that a limit names: a law is not switched off by a defect.
"""

import importlib.util
import sys
from collections.abc import Callable, Iterable
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy
from msgspec import Struct

from gateway import hookspecs
from gateway.channel import Channel
from gateway.errors import NotUsable
from gateway.limiter import Limiter
from gateway.rules import Pack

GROUP = "gateway"
VITAL = ("compliance", "limiters")
"""Folders whose files must all load."""


class Origin(Struct, frozen=True):
    """Where a plugin came from: `built_in` ones share the gateway's loop."""

    name: str
    built_in: bool
    vital: bool


class Quarantined(Struct, frozen=True):
    """A plugin that was set aside, and why, in words without anything secret."""

    name: str
    reason: str


class Plugins:
    """Every plugin that was found, by what it registered."""

    def __init__(self):
        self._manager = pluggy.PluginManager("gateway")
        self._manager.add_hookspecs(hookspecs)
        self.quarantined: list[Quarantined] = []
        self.channels: dict[str, type[Channel]] = {}
        self.limiters: dict[str, type[Limiter]] = {}
        self.packs: list[Pack] = []
        self.owners: dict[type, Origin] = {}
        """Which plugin a class came with."""

    def add(self, origin: Origin, load: Callable[[], ModuleType]) -> None:
        """Load one plugin and take what it registers."""
        try:
            module = load()
            self._manager.register(module, origin.name)
            self._check_hooks(module)
            self._take(module, origin)
        except NotUsable:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 whatever a stranger's file does at import
            self._refuse(origin, f"{type(error).__name__} while loading")

    def _check_hooks(self, module: ModuleType) -> None:
        """A hook nobody knows is a misspelt one."""
        known = {name for name in vars(hookspecs) if name.startswith("register_")}
        for name, value in vars(module).items():
            if getattr(value, "gateway_impl", None) is not None and name not in known:
                raise UnknownHook(name)
        self._manager.check_pending()

    def _take(self, module: ModuleType, origin: Origin) -> None:
        """Keep what this plugin registers."""
        for class_ in self._registered(module, "register_channels"):
            self._name(self.channels, class_, origin)
        for class_ in self._registered(module, "register_limiters"):
            self._name(self.limiters, class_, origin)
        self.packs += self._registered(module, "register_rules")

    def _registered(self, module: ModuleType, hook: str) -> list:
        """What this one plugin answers to a hook."""
        implementations = getattr(self._manager.hook, hook).get_hookimpls()
        return [one for found in implementations if found.plugin is module for one in found.function()]

    def _name(self, kinds: dict[str, Any], class_: Any, origin: Origin) -> None:
        if class_.name in kinds:
            raise NotUsable(
                f"two plugins are called {class_.name!r}", f"remove one of them (the second is {origin.name})"
            )
        kinds[class_.name] = class_
        self.owners[class_] = origin

    def _refuse(self, origin: Origin, reason: str) -> None:
        if self._manager.has_plugin(origin.name):
            self._manager.unregister(name=origin.name)
        if origin.vital:
            raise NotUsable(f"the plugin {origin.name} does not load ({reason})", "mend or remove it")
        self.quarantined.append(Quarantined(origin.name, reason))


class UnknownHook(Exception):
    """A plugin implements a hook that does not exist."""


def find(folders: Iterable[Path] = ()) -> Plugins:
    """Load everything there is, in the order of trust: built in, the admin's folders, installed packages."""
    plugins = Plugins()
    for path, vital in _files(built_in_folder()):
        plugins.add(Origin(f"{path.parent.name}/{path.stem}", True, vital), partial(_load, path, "gateway_plugins"))
    for folder in folders:
        if not folder.is_dir():
            raise NotUsable("a folder of plugins.paths is not there", "correct plugins.paths in config.toml")
        for path in _modules(folder):
            plugins.add(Origin(path.stem, False, False), partial(_load, path, "gateway_strangers"))
    for entry in entry_points(group=GROUP):
        plugins.add(Origin(entry.name, False, False), entry.load)
    return plugins


def built_in_folder() -> Path:
    """`plugins/` of the checkout, or the same files as they are shipped in the wheel."""
    shipped = Path(__file__).parent / "_plugins"
    return shipped if shipped.is_dir() else Path(__file__).parent.parent / "plugins"


def _files(root: Path) -> list[tuple[Path, bool]]:
    return [(path, kind in VITAL) for kind in ("channels", "compliance", "limiters") for path in _modules(root / kind)]


def _modules(folder: Path) -> list[Path]:
    """Plugin files of a folder, and folders that are packages, by name."""
    files = [path for path in folder.glob("*.py") if not path.name.startswith("_")]
    packages = [path.parent for path in folder.glob("*/__init__.py")]
    return sorted(files + packages)


def _load(path: Path, family: str) -> ModuleType:
    """Import one file or package by its path, under a name nobody else uses."""
    file = path / "__init__.py" if path.is_dir() else path
    name = f"{family}_{path.parent.name}_{path.stem}"
    spec = importlib.util.spec_from_file_location(
        name, file, submodule_search_locations=[str(path)] if path.is_dir() else None
    )
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module
