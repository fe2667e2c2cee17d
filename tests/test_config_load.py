"""What a configuration is once it is read: defaults, the file over them, variables over the file."""

from pathlib import Path
from typing import Annotated, Any

import pytest
from msgspec import Meta, Struct

from gateway import config
from gateway.config import ConfigFaults, Seconds, load, read_secret, restart_needed, starter
from gateway.errors import BadInput, NotUsable

ROOT = Path(__file__).parent.parent
MAIN = '[providers.main]\nplugin = "smtp"\nchannel = "email"\n'


def loaded(tmp_path: Path, text: str = "", **environ: str) -> config.Config:
    file = tmp_path / "config.toml"
    file.write_text(text)
    return load(file, {f"GATEWAY__{name}": value for name, value in environ.items()})


def faults(tmp_path: Path, text: str = "", **environ: str) -> list[str]:
    with pytest.raises(ConfigFaults) as raised:
        loaded(tmp_path, text, **environ)
    return [str(fault) for fault in raised.value.found]


# -- defaults ---------------------------------------------------------------------------------------------------------


def test_without_a_file_everything_has_a_value_that_works():
    """A first run needs no configuration: e-mail and sms go into the outbox, and the limits are those promised."""
    first = load(None, {"PATH": "/bin", "GATEWAY_DATA": "/x"})
    assert (first.server.host, first.server.port, first.server.ops_port) == ("127.0.0.1", 8080, 9090)
    assert [(one.plugin, one.channel, one.connections) for one in first.providers.values()] == [
        ("outbox", "email", 8),
        ("outbox", "sms", 8),
    ]
    assert {name: (one.quota, one.window, one.by, one.enabled) for name, one in first.limits.items()} == {
        "send": (100, 60, "api_key", True),
        "bulk": (10, 60, "api_key", True),
        "check": (500, 60, "api_key", True),
        "auth": (10, 60, "ip", True),
    }
    assert first.delivery.retry == (5, 30, 120, 600, 1800, 7200, 21_600)
    assert (first.delivery.give_up_after, first.store.reserve) == (172_800, 64_000_000)
    assert (first.audit.checkpoint_every, first.audit.checkpoint_after) == (1000, 600)


def test_the_file_in_the_root_is_what_init_writes_and_loads():
    """config.toml works as it is, and there is one text of it."""
    assert (ROOT / "config.toml").read_text() == starter()
    assert set(load(ROOT / "config.toml", {}).providers) == {"outbox_email", "outbox_sms"}


def test_the_examples_in_the_file_work_once_their_marks_are_taken_away(tmp_path):
    """Every commented key of config.toml is one that the gateway takes."""
    lines = [line.removeprefix("# ") if is_example(line) else line for line in starter().splitlines()]
    full = loaded(tmp_path, "\n".join(lines))
    assert full.server.public_url == "https://messages.quinta.example"
    assert full.providers["mail"].plugin == "smtp"
    assert full.senders["weddings"].email == "weddings@quinta.example"
    assert full.compliance.policy == {"erasure_grace_days": 7}


def is_example(line: str) -> bool:
    return line.startswith("# ") and (line[2] == "[" or line[2:].split(" ")[1:2] == ["="])


def test_a_configuration_cannot_be_changed():
    """One frozen snapshot is handed down; a reload makes another."""
    snapshot = load(None, {})
    with pytest.raises(AttributeError):
        snapshot.server.port = 1  # type: ignore[misc]
    with pytest.raises(AttributeError):
        snapshot.server = None  # type: ignore[misc,assignment]


def test_values_are_plain_ones(tmp_path):
    """A duration is a float of seconds, a size an int of bytes, text is str: nothing needs a special encoder."""
    one = loaded(
        tmp_path, 'plugins.paths = ["mine"]\nstore.reserve = "1MiB"\n[venue]\nname = " Quinta "\nlanguage = "PT-br"'
    )
    kinds = (one.delivery.give_up_after, one.store.reserve, one.venue.language, one.limits["send"].window)
    assert [type(value) for value in kinds] == [float, int, str, float]
    assert (one.store.reserve, one.venue.name, one.venue.language) == (1 << 20, "Quinta", "pt-BR")
    assert one.plugins.paths == (tmp_path / "mine",)


@pytest.mark.parametrize(
    ("text", "seconds"), [("1s", 1), ("90s", 90), ("2m", 120), ("1h", 3600), ("48h", 172_800), ("7d", 604_800)]
)
def test_durations_have_a_unit(tmp_path, text, seconds):
    """Each unit counts as its name says."""
    assert loaded(tmp_path, f'delivery.give_up_after = "{text}"').delivery.give_up_after == seconds


# -- tables under and over each other ---------------------------------------------------------------------------------


def test_a_limit_of_the_same_name_replaces_the_built_in_one(tmp_path):
    """What the table leaves out is not taken from the limit it replaces; the other limits stay."""
    text = '[limits.send]\nendpoints = ["messages.send"]\nquota = 7\nwindow = "1h"\nburst = 2\n'
    limits = loaded(tmp_path, text).limits
    assert (limits["send"].endpoints, limits["send"].quota, limits["send"].burst) == (("messages.send",), 7, 2)
    assert limits["bulk"].quota == 10


def test_a_built_in_limit_is_switched_off_by_one_key(tmp_path):
    """`enabled = false` is enough for one of ours; a limit of one's own must be whole."""
    assert not loaded(tmp_path, "[limits.check]\nenabled = false\n").limits["check"].enabled
    assert [line.split()[2] for line in faults(tmp_path, "[limits.mine]\nenabled = false\n")] == [
        f"limits.mine.{key}" for key in ("endpoints", "quota", "window")
    ]


def test_the_outbox_steps_back_for_any_provider(tmp_path):
    """Built-in providers are there only while none is configured, in the file or by variables; the order is kept."""
    two = MAIN + '[providers.aaa]\nplugin = "outbox"\nchannel = "email"\n'
    assert list(loaded(tmp_path, two).providers) == ["main", "aaa"]
    assert list(loaded(tmp_path, PROVIDERS__X__PLUGIN="smtp", PROVIDERS__X__CHANNEL="email").providers) == ["x"]


# -- variables --------------------------------------------------------------------------------------------------------

TYPED = [
    ("SERVER__PORT", "81", lambda one: one.server.port, 81),
    ("SERVER__METRICS", "true", lambda one: one.server.metrics, True),
    ("VENUE__NAME", "Quinta", lambda one: one.venue.name, "Quinta"),
    ("VENUE__NAME", '"Quinta"', lambda one: one.venue.name, "Quinta"),
    ("VENUE__NAME", "2710", lambda one: one.venue.name, "2710"),
    ("VENUE__NAME", "true", lambda one: one.venue.name, "true"),
    ("VENUE__NAME", "2026-11-24", lambda one: one.venue.name, "2026-11-24"),
    ("SENDER__CONTACT", '3 o"clock', lambda one: one.sender.contact, '3 o"clock'),
    ("SERVER__PUBLIC_URL", "https://q.example", lambda one: one.server.public_url, "https://q.example"),
    ("SERVER__PROXIES", '["10.0.0.0/8", "::1"]', lambda one: one.server.proxies, ("10.0.0.0/8", "::1/128")),
    ("DELIVERY__RETRY", '["1s"]', lambda one: one.delivery.retry, (1.0,)),
    ("DELIVERY__GIVE_UP_AFTER", "1h", lambda one: one.delivery.give_up_after, 3600.0),
    ("LOGS__LEVEL", "debug", lambda one: one.logs.level, "debug"),
    ("LIMITS__SEND__QUOTA", "7", lambda one: one.limits["send"].quota, 7),
    ("COMPLIANCE__POLICY__ONE_CLICK", "false", lambda one: one.compliance.policy, {"one_click": False}),
    ("COMPLIANCE__POLICY__MINORS_MARKETING", "deny", lambda one: one.compliance.policy, {"minors_marketing": "deny"}),
    ("COMPLIANCE__POLICY__ERASURE_GRACE_DAYS", "3", lambda one: one.compliance.policy, {"erasure_grace_days": 3}),
    ("VENUE__NAME", "1 # not a comment", lambda one: one.venue.name, "1 # not a comment"),
    ("SENDERS", '{ w = { name = "W" } }', lambda one: one.senders["w"].name, "W"),
]


@pytest.mark.parametrize(("name", "text", "value", "expected"), TYPED, ids=[f"{one[0]}={one[1]}" for one in TYPED])
def test_a_variable_becomes_what_its_place_takes(tmp_path, name, text, value, expected):
    """The same text is a number where one is wanted and text where that is."""
    result = value(loaded(tmp_path, "", **{name: text}))
    assert (result, type(result)) == (expected, type(expected))


def test_variables_beat_the_file_key_by_key(tmp_path):
    """A variable changes its own key and leaves the table's others as the file has them."""
    both = loaded(tmp_path, "[server]\nport = 1\nops_port = 2\n", SERVER__PORT="3")
    assert (both.server.port, both.server.ops_port) == (3, 2)


DURATION = 'a duration such as "30s", "5m", "48h" or "7d"'
SLUG = "a name of 1 to 40 of a-z, 0-9, _ and -, not beginning with a sign"
WRONG = [
    ("SERVER__PROT", "1", 'unknown-key]: server.prot — did you mean "port"?'),
    ("SERVERS__PORT", "1", 'unknown-key]: servers — did you mean "server"?'),
    ("SERVER__PORT", "x", "wrong-type]: server.port — must be a whole number from 0 to 65535, not text"),
    ("SERVER__PORT", "99999", "wrong-value]: server.port — must be a whole number from 0 to 65535"),
    ("SERVER__PORT", "1\nhost = 2", "wrong-type]: server.port — must be a whole number from 0 to 65535, not text"),
    ("SERVER__PORT", "", "wrong-type]: server.port — must be a whole number from 0 to 65535, not text"),
    ("SERVER__PORT__X", "1", "unknown-key]: server.port.x — port is a value and holds no keys"),
    ("LOGS__LEVEL", "x", 'wrong-value]: logs.level — must be "debug", "info", "warning" or "error"'),
    ("STORE__RESERVE", "64", 'wrong-value]: store.reserve — must be a size such as "64MB" or "1GiB"'),
    ("DELIVERY__RETRY", '["1s", 2]', f"wrong-type]: delivery.retry[1] — must be {DURATION}, not a whole number"),
    ("PROVIDERS__X__CHANNEL", "sms", f"missing-key]: providers.x.plugin — must be given: {SLUG}"),
    ("SENDER__TOKEN", "x", "inline-secret]: sender.token — put it into a file of its own and name that in token_file"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "line"), WRONG, ids=[f"{one[0]}={one[1]}" for one in WRONG])
def test_a_fault_of_a_variable_names_the_variable(tmp_path, name, text, line):
    """Where a value came by the environment, its variable stands in the place of file and line."""
    assert faults(tmp_path, "server.port = 1", **{name: text}) == [f"GATEWAY__{name}: error[{line}"]


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("VENUE__NAME", "Caf\udce9", "GATEWAY__VENUE__NAME: error[encoding]: is not UTF-8; set it in UTF-8"),
        ("VENUE__N\udce9", "x", r"GATEWAY__VENUE__N\udce9: error[encoding]: is not UTF-8; set it in UTF-8"),
        (
            "__".join("A" * 33),
            "x",
            f"GATEWAY__{'__'.join('A' * 33)}: error[unknown-key]: names tables nested too deeply",
        ),
    ],
    ids=["value", "name", "depth"],
)
def test_a_variable_that_cannot_be_read_is_a_fault(tmp_path, name, text, line):
    """Bytes of another encoding are refused before they get into a message, and so is a name without end."""
    assert faults(tmp_path, "", **{name: text}) == [line]
    assert loaded(tmp_path, "", VENUE__NAME="Café").venue.name == "Café"


def test_a_key_missing_in_a_table_of_the_file_is_the_files_fault(tmp_path):
    """A variable that only adds to a table is not blamed for what the table lacks."""
    text = '\n[providers.main]\nplugin = "smtp"\n'
    assert faults(tmp_path, text, PROVIDERS__MAIN__CONNECTIONS="3")[0].startswith("config.toml:2: error[missing-key]")


# -- links ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("", "http://127.0.0.1:8080"),
        ("server.port = 81", "http://127.0.0.1:81"),
        ('server.host = "::1"', "http://[::1]:8080"),
        ('server.host = "localhost"', "http://localhost:8080"),
        ('server.host = "0.0.0.0"', ""),
        ('server.host = "gateway"', ""),
        ('server.host = "127.evil.example"', ""),
        ('server.host = "0.0.0.0"\nserver.public_url = "https://Q.example/"', "https://q.example"),
    ],
)
def test_links_begin_with_what_guests_can_reach(tmp_path, text, base):
    """The public address; without it the listening one as long as it is loopback, else none."""
    assert loaded(tmp_path, text).link_base == base


# -- plugins' own keys ------------------------------------------------------------------------------------------------


class Login(Struct, forbid_unknown_fields=True, frozen=True):
    """A table within a plugin's table."""

    user: str
    tries: Annotated[int, Meta(gt=0)] = 1


class Settings(Struct, forbid_unknown_fields=True, frozen=True):
    """What a stranger's plugin may declare."""

    host: Annotated[str, Meta(min_length=1)]
    port: int = 25
    wait: Annotated[Seconds, Meta(le=7200)] = 10.0
    login: Login | None = None
    relays: tuple[Login, ...] = ()
    pair: tuple[int, str] = (0, "")
    token_file: str = ""


def test_a_plugin_gets_its_own_keys_typed(tmp_path):
    """The gateway's keys are kept from it, variables are typed by its Settings, its secret lies beside config.toml."""
    text = (
        MAIN + 'connections = 2\nhost = "h"\nwait = "2m"\ntoken_file = "secrets/t"\nlogin.user = "u"\npair = [1, "a"]\n'
    )
    settings, wrong = loaded(tmp_path, text, PROVIDERS__MAIN__PORT="2525").provider_settings("main", Settings)
    assert wrong == []
    assert settings == Settings("h", 2525, 120.0, Login("u"), (), (1, "a"), str(tmp_path / "secrets/t"))


def test_every_fault_of_a_plugins_keys_has_its_line(tmp_path):
    """A plugin's table is checked like the gateway's own: all at once, tables within tables, lists of tables."""
    text = MAIN + 'prot = 1\nport = "x"\nwait = 5\nlogin = { usr = "u" }\n'
    text += '[[providers.main.relays]]\nuser = "a"\n[[providers.main.relays]]\nuser = "b"\ntries = 0\n'
    settings, wrong = loaded(tmp_path, text).provider_settings("main", Settings)
    assert settings is None
    assert [str(fault).removeprefix("config.toml:").replace("providers.main.", "") for fault in wrong] == [
        '4: error[unknown-key]: prot — did you mean "port"?',
        "1: error[missing-key]: host — must be given: text no shorter than 1",
        "5: error[wrong-type]: port — must be a whole number, not text",
        f"6: error[wrong-type]: wait — must be {DURATION} of at most 2h, not a whole number",
        '7: error[unknown-key]: login.usr — did you mean "user"?',
        "7: error[missing-key]: login.user — must be given: text",
        "12: error[wrong-value]: relays[1].tries — must be a whole number greater than 0",
    ]


def test_a_plugin_may_bound_a_duration(tmp_path):
    """A duration that is one and yet too long is a fault at its key; the longest is taken."""
    wrong = loaded(tmp_path, MAIN + 'host = "h"\nwait = "3h"\n').provider_settings("main", Settings)[1]
    assert [str(fault).partition(" — ")[0] for fault in wrong] == [
        "config.toml:5: error[wrong-value]: providers.main.wait"
    ]
    assert loaded(tmp_path, MAIN + 'host = "h"\nwait = "2h"\n').provider_settings("main", Settings)[0].wait == 7200


def test_a_plugin_may_look_at_a_key_of_the_gateways(tmp_path):
    """Settings that declare `timeout` see what was written there; those that do not are not bothered with it."""

    class Timed(Struct, forbid_unknown_fields=True):
        timeout: Seconds = 1.0

    class Plain(Struct, forbid_unknown_fields=True):
        pass

    one = loaded(tmp_path, MAIN + 'timeout = "9s"\n')
    assert one.provider_settings("main", Timed) == (Timed(9.0), [])
    assert one.provider_settings("main", Plain) == (Plain(), [])
    assert one.providers["main"].timeout == 9


def test_what_settings_find_out_as_a_whole_is_a_fault_too(tmp_path):
    """A `__post_init__` that refuses a combination is heard, at the table."""

    class Picky(Struct):
        host: str = ""

        def __post_init__(self) -> None:
            if self.host == "bad":
                raise ValueError("a host that is no good")

    wrong = loaded(tmp_path, MAIN + 'host = "bad"\n').provider_settings("main", Picky)[1]
    assert list(map(str, wrong)) == ["config.toml:1: error[wrong-value]: providers.main — a host that is no good"]
    assert loaded(tmp_path, MAIN + 'host = "good"\n').provider_settings("main", Picky)[1] == []


def test_a_plugin_that_is_not_there_is_named_with_the_nearest(tmp_path):
    """A misspelt plugin or algorithm has its line and a suggestion."""
    text = MAIN.replace("smtp", "stmp") + "[limits.send]\nalgorithm = 'token_buckt'\nenabled = false\n"
    one = loaded(tmp_path, text)
    assert str(one.unknown_plugin("main", {"smtp": 1, "outbox": 2})) == (
        'config.toml:2: error[unknown-plugin]: providers.main.plugin — did you mean "smtp"?'
    )
    assert str(one.unknown_algorithm("send", ["token_bucket"])) == (
        'config.toml:5: error[unknown-plugin]: limits.send.algorithm — did you mean "token_bucket"?'
    )


# -- reload -----------------------------------------------------------------------------------------------------------


def test_keys_that_need_a_restart_are_named(tmp_path):
    """What parts hold on to from their start cannot change under them; everything else can."""
    old = loaded(tmp_path)
    new = 'store.reserve = "1GB"\n[server]\nport = 1\nproxies = ["::1"]\n'
    assert restart_needed(old, loaded(tmp_path, new)) == ["server.port", "server.proxies", "store.reserve"]
    free = f'venue.name = "Q"\ndelivery.retry = ["1s"]\nlimits.send.enabled = false\n{MAIN}'
    assert restart_needed(old, loaded(tmp_path, free)) == []


# -- secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"s3cret\n", b"s3cret", b"s3cret\r\n"])
def test_a_secret_is_read_without_the_newline_at_its_end(tmp_path, content):
    """Editors add one; blanks within and a second newline are the secret's own."""
    file = tmp_path / "s"
    file.write_bytes(content)
    assert read_secret(file) == "s3cret"
    assert read_secret(env="S", environ={"S": content.decode()}) == "s3cret"
    file.write_bytes(b"two\nlines\n\n")
    assert read_secret(file) == "two\nlines\n"


BAD_SECRETS = [
    ("missing", None, "the secret file missing cannot be read (No such file or directory) — check its path and owner"),
    (".", None, " cannot be read (Is a directory)"),
    ("s", b"\n", "the secret file s is empty — write the secret into it"),
    ("s", b"a\0b", "the secret file s holds no secret — it must be text of at most 64 KiB"),
    ("s", b"x" * 70_000, "the secret file s holds no secret — it must be text of at most 64 KiB"),
    ("s", b"\xff", "the secret file s is not UTF-8 — save it as UTF-8"),
]


@pytest.mark.parametrize(("name", "content", "what"), BAD_SECRETS, ids=[one[2][:40] for one in BAD_SECRETS])
def test_a_secret_that_cannot_be_had_is_named(tmp_path, name, content, what):
    """Which file, what is the matter and what to do; never what is in it."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(NotUsable) as raised:
        read_secret(tmp_path / name)
    assert what in str(raised.value)
    (tmp_path / "good").write_text("x" * 60_000)
    assert len(read_secret(tmp_path / "good")) == 60_000


def test_a_secret_files_path_may_be_nonsense(tmp_path):
    """A zero byte in a path is a file that is not there, both where it is read and where its permissions are looked at;
    a path without one leads to the secret."""
    with pytest.raises(NotUsable, match="cannot be read"):
        read_secret(tmp_path / "a\0b")
    assert loaded(tmp_path, MAIN + 'password_file = "a\\u0000b"\n').warnings() == []
    (tmp_path / "ab").write_text("x")
    assert read_secret(tmp_path / "ab") == "x"


def test_a_secret_of_no_variable_is_named():
    """A variable that is unset or empty holds no secret."""
    for environ in ({}, {"S": ""}):
        with pytest.raises(NotUsable) as raised:
            read_secret(env="S", environ=environ)
        assert str(raised.value) == "the variable S is not set — set it to the secret"


def test_secrets_everybody_can_read_are_warned_of(tmp_path):
    """A secret file with open permissions works and is named with its line; files that are no secrets are not."""
    for name, mode in (("open", 0o644), ("shut", 0o600), ("ca", 0o644)):
        (tmp_path / name).write_text("x")
        (tmp_path / name).chmod(mode)
    text = MAIN + 'password_file = "open"\napi_key_file = "shut"\nca_file = "ca"\ntoken_file = "missing"\n'
    assert loaded(tmp_path, text).warnings() == [
        "config.toml:4: warning[open-secret]: providers.main.password_file — others can read this file: chmod 600 it"
    ]


# -- for people and editors -------------------------------------------------------------------------------------------


def test_what_is_in_force_is_shown_with_where_it_comes_from(tmp_path):
    """Default, file and line, or variable; in the spelling of config.toml; a plugin's keys with the others."""
    text = '[delivery]\nretry = [\n"90s"]\n' + MAIN + 'host = "h"\nlogin = { user = "u" }\n'
    shown = config.show(loaded(tmp_path, text, SERVER__PORT="81", PROVIDERS__MAIN__USER="me"))
    rows = {row.key: row[1:] for row in shown}
    assert rows["server.host"] == ('"127.0.0.1"', "default")
    assert rows["server.port"] == ("81", "GATEWAY__SERVER__PORT")
    assert rows["delivery.retry"] == ('["90s"]', "config.toml:2")
    assert rows["store.reserve"] == ('"64MB"', "default")
    assert rows["venue.country"] == (None, "default")
    assert rows["providers.main.timeout"] == ('"30s"', "default")
    assert rows["providers.main.plugin"] == ('"smtp"', "config.toml:5")
    assert rows["providers.main.host"] == ('"h"', "config.toml:7")
    assert rows["providers.main.user"] == ('"me"', "GATEWAY__PROVIDERS__MAIN__USER")
    assert rows["providers.main.login.user"] == ('"u"', "config.toml:8")


def test_a_key_is_explained(tmp_path):
    """What it is for, what it takes, what holds without it, whether it needs a restart; by any name of the table."""
    assert config.explain("server.port").splitlines() == [
        "server.port",
        "  The port of the API and the guests' pages; 0 takes any free one.",
        "  Takes: a whole number from 0 to 65535.",
        "  Left out: 8080.",
        "  A change needs a restart.",
    ]
    assert config.explain("providers.main.plugin") == config.explain("providers.<name>.plugin")
    assert "It must be given." in config.explain("limits.send.quota")
    assert "plugin" in config.explain("providers.main.host")
    with pytest.raises(BadInput, match=r"did you mean .server\.port."):
        config.explain("server.prot")


def test_every_key_has_a_description():
    """`explain`, the documentation and editors have something to say of each key."""
    assert len(config.keys()) > 40
    assert [key.name for key in config.manual.manual() if not config.manual.described(key.type)] == []


def test_the_schema_for_editors_knows_every_key():
    """Each key is a property of its table, strict except where a plugin's keys stand, and durations are text."""
    drawn = config.schema()
    tables: dict[str, Any] = drawn["$defs"]
    assert tables["Sections"]["additionalProperties"] is False
    assert "additionalProperties" not in tables["Provider"]
    assert tables["Delivery"]["properties"]["give_up_after"]["type"] == "string"
    assert tables["Delivery"]["properties"]["retry"]["items"]["type"] == "string"
    assert tables["Server"]["properties"]["port"]["maximum"] == 65_535
    names = config.keys()
    last = {name.rpartition(".")[2] for name in names}
    assert last <= {key for table in tables.values() for key in table["properties"]}
