"""What a user can see has a heading in the docs, and no heading outlives its subject."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from gateway import errors, hookspecs, metrics, web
from gateway.web.routes import Routes

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def headings(page: Path) -> set[str]:
    """The names a page documents: headings that are code and nothing else, such as `### `blocked``."""
    return set(re.findall(r"^#{2,4} `([^`]+)`$", page.read_text(), re.MULTILINE))


def hooks() -> Iterable[str]:
    return [name for name, hook in vars(hookspecs).items() if hasattr(hook, "gateway_spec")]


def error_codes() -> Iterable[str]:
    family = [error for error in vars(errors).values() if inspect.isclass(error)]
    return [error.code for error in family if issubclass(error, errors.GatewayError)]


def metric_names() -> Iterable[str]:
    suffix = {"counter": "_total"}
    return [family.name + suffix.get(family.type, "") for family in metrics.REGISTRY.collect()]


def endpoints() -> Iterable[str]:
    modules = [importlib.import_module(f"gateway.web.{module.name}") for module in pkgutil.iter_modules(web.__path__)]
    tables = [table for module in modules for table in vars(module).values() if isinstance(table, Routes)]
    return [door.name for table in tables for door in table.doors]


@pytest.mark.parametrize(
    ("page", "names"),
    [("plugins.md", hooks), ("errors.md", error_codes), ("metrics.md", metric_names), ("api.md", endpoints)],
)
def test_everything_has_a_heading_and_no_heading_is_stale(page: str, names: Callable[[], Iterable[str]]):
    """Docs name all there is and nothing that is gone."""
    expected = set(names())
    assert expected, f"found nothing that {page} should document"
    assert headings(DOCS / page) == expected


def test_the_finder_of_headings_sees_names_and_leaves_sentences(tmp_path: Path):
    """Only a heading that is a name in code counts, so that a page may also explain."""
    page = tmp_path / "page.md"
    page.write_text("# Page\n\n## How to read this\n\n### `blocked`\n\ntext `other`\n\n## `a.b` and more\n")
    assert headings(page) == {"blocked"}


def test_errors_have_the_status_and_exit_code_the_page_says():
    """The line under a heading of errors.md is what the code does."""
    page = (DOCS / "errors.md").read_text()
    said = re.findall(r"^### `([^`]+)`\n(?:HTTP (\d+) · )?exit (\d+)$", page, re.MULTILINE)
    assert len(said) > 20
    does = {error.code: error for error in vars(errors).values() if inspect.isclass(error) and hasattr(error, "code")}
    for code, status, exit_code in said:
        assert (code, int(exit_code)) == (code, does[code].exit_code)
        assert not status or int(status) == does[code].status


def pages() -> list[Path]:
    return [*DOCS.glob("*.md"), *ROOT.glob("*.md")]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path):
    """A relative link names a file that exists."""
    targets = re.findall(r"\]\((?!\w+:|#)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []
