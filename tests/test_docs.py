"""What a user can see has a heading in the docs, and no heading outlives its subject."""

import inspect
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import click
import pytest

from gateway import Failure, Limiter, Message, Sender, config, errors, hookspecs, metrics, plugins
from gateway.cli.main import cli
from gateway.web import app

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
    return [door.name for door in app.doors([*app.MAIN, *app.OPS])]


def commands() -> Iterable[str]:
    groups = {"gateway": cli}
    while groups:
        path, group = groups.popitem()
        context = click.Context(group)
        below = {f"{path} {name}": group.get_command(context, name) for name in group.list_commands(context)}
        groups |= {path: command for path, command in below.items() if isinstance(command, click.Group)}
        yield from below.keys() - groups.keys()


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("plugins.md", hooks),
        ("api/errors.md", error_codes),
        ("metrics.md", metric_names),
        ("api/endpoints.md", endpoints),
        ("cli.md", commands),
        ("config.md", config.keys),
    ],
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
    page = (DOCS / "api/errors.md").read_text()
    said = re.findall(r"^### `([^`]+)`\n(?:HTTP (\d+) · )?exit (\d+)$", page, re.MULTILINE)
    assert len(said) > 20
    does = {error.code: error for error in vars(errors).values() if inspect.isclass(error) and hasattr(error, "code")}
    for code, status, exit_code in said:
        assert (code, int(exit_code)) == (code, does[code].exit_code)
        assert not status or int(status) == does[code].status


def test_every_exit_code_has_its_row():
    """What a script may see is in the table of cli.md, and nothing else is."""
    rows = re.findall(r"^\| (\d+) \|", (DOCS / "cli.md").read_text(), re.MULTILINE)
    family = [error for error in vars(errors).values() if inspect.isclass(error)]
    codes = {error.exit_code for error in family if issubclass(error, errors.GatewayError)}
    assert {int(row) for row in rows} == codes | {0, 2}


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """The files plugins.md shows, saved as it says."""
    code = re.findall(r"^```python\n(.+?)^```$", (DOCS / "plugins.md").read_text(), re.MULTILINE | re.DOTALL)
    folder = tmp_path / "plugins"
    folder.mkdir()
    for number, text in enumerate(code):
        (folder / f"example_{number}.py").write_text(text)
    return folder


def test_the_example_plugins_load(examples: Path):
    """Whoever copies a plugin from plugins.md has one that works."""
    found = plugins.find([examples])
    assert found.quarantined == []
    assert "sms_spool" in found.channels
    assert "rest" in found.limiters


async def test_the_example_channel_hands_over(examples: Path, tmp_path: Path):
    """The channel of plugins.md puts the finished message where its daemon looks, and says when it could not."""
    channel = plugins.find([examples]).channels["sms_spool"]
    message = Message("msg_1", "sms", "+351912345678", "", "See you", "", Sender("Quinta"), 0)
    message.payload = b"See you"
    spool = channel(channel.Settings(folder=str(tmp_path)), None)
    await spool.open()
    assert (await spool.send(message)).provider_id == "msg_1"
    assert (tmp_path / "msg_1").read_bytes() == b"To: 351912345678\n\nSee you"
    nowhere = channel(channel.Settings(folder=str(tmp_path / "gone")), None)
    await nowhere.open()
    with pytest.raises(Failure) as failure:
        await nowhere.send(message)
    assert (failure.value.kind, failure.value.status_code) == ("down", "ENOENT")


def test_the_example_limiter_counts(examples: Path):
    """The limiter of plugins.md gives its quota, then says how long to rest; what is given back can be taken."""
    limiter = plugins.find([examples]).limiters["rest"](Limiter.Settings(quota=2, window=60, burst=2))
    state = None
    for now in (60, 90):
        state, wait = limiter.take(state, now)
        assert wait == 0
    assert limiter.take(state, 100)[1] == 50
    assert limiter.take(limiter.give(state, 100, 1, 90), 100)[1] == 0
    assert limiter.remaining(state, 150) == (2, 0)
    assert limiter.take(state, 150, 3)[1] is None


def pages() -> list[Path]:
    return [*DOCS.rglob("*.md"), *ROOT.glob("*.md")]


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path):
    """A relative link names a file that exists."""
    targets = re.findall(r"\]\((?!\w+:|#)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []
