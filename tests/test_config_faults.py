"""Every way a config.toml can be wrong, each with its line and code, and right beside it the same file put right."""

from pathlib import Path

import pytest

from gateway.config import ConfigFaults, load

PROVIDER = '[providers.main]\nplugin = "smtp"\nchannel = "email"\n'
LIMIT = '[limits.mine]\nendpoints = ["messages.send"]\nquota = 5\nwindow = "1m"\n'
OWN = """[[compliance.rules]]
id = "HOUSE-1"
text = "The guest is left alone."
reason = "They asked."
deny = ["spa"]
"""
WINDOW = 'rule = "CORE-TIM-6"\nchannels = ["sms"]\nclasses = ["marketing"]\n'

# (name, the file with ¶ where the fault goes, the fault, "line code path", what would be right)
CASES = [
    # -- keys ---------------------------------------------------------------------------------------------------------
    ("key in no section", "¶\n", "port = 8080", "1 unknown-key port", "config_version = 1"),
    ("unknown section", "\n[¶]\n", "servers", "2 unknown-key servers", "server"),
    ("misspelt key", "[server]\n¶ = 8080\n", "prot", "2 unknown-key server.prot", "port"),
    ("misspelt dotted key", "\n\nserver.¶ = 8080\n", "prot", "3 unknown-key server.prot", "port"),
    ("misspelt inline key", "server = { metrics = false, ¶ = 1 }", "prot", "1 unknown-key server.prot", "port"),
    ("key behind lines of text", PROVIDER + 'x = """\n[y]\n"""\n[logs]\n¶', "a = 1", "8 unknown-key logs.a", ""),
    ("behind a comment with quotes", "# it's [not]\n[logs]\n¶", "lvl = 1", "3 unknown-key logs.lvl", ""),
    ("key with a dot in it", "[server]\n¶", '"a.b" = 1', '2 unknown-key server."a.b"', "port = 1"),
    ("key with a line in it", "[server]\n¶", r'"a\nb" = 1', r'2 unknown-key server."a\nb"', "port = 1"),
    ("sender's key", '[senders.weddings]\nname = "W"\n¶ = ""', "mail", "3 unknown-key senders.weddings.mail", "email"),
    ("limit's key", LIMIT + "¶ = 9\n", "bursts", "5 unknown-key limits.mine.bursts", "burst"),
    ("no plugin", '[providers.main]\nchannel = "sms"\n¶', "", "1 missing-key providers.main.plugin", 'plugin = "x"'),
    ("no channel", '\n[providers.a]\nplugin = "x"\n¶', "", "2 missing-key providers.a.channel", 'channel = "sms"'),
    ("no quota", '[limits.a]\nendpoints = ["auth"]\nby = "ip"\nwindow = "1m"\n¶', "", "1 missing-key limits.a.quota",
     "quota = 1"),
    ("built-in limit without its window", '[limits.send]\nendpoints = ["messages.send"]\nquota = 1\n¶', "",
     "1 missing-key limits.send.window", 'window = "1s"'),
    # -- types --------------------------------------------------------------------------------------------------------
    ("text for a number", "[server]\nport = ¶\n", '"80"', "2 wrong-type server.port", "80"),
    ("yes for a number", "[server]\nport = ¶\n", "true", "2 wrong-type server.port", "80"),
    ("fraction for a whole number", "[server]\nport = ¶\n", "80.5", "2 wrong-type server.port", "80"),
    ("number for yes or no", "[server]\nmetrics = ¶\n", "1", "2 wrong-type server.metrics", "true"),
    ("date for text", "[venue]\nname = ¶\n", "2026-11-24", "2 wrong-type venue.name", '"2026-11-24"'),
    ("text for a list", "[server]\nproxies = ¶\n", '"10.0.0.1"', "2 wrong-type server.proxies", '["10.0.0.1"]'),
    ("value for a section", "server = ¶\n", "8080", "1 wrong-type server", "{ port = 8080 }"),
    ("list of tables for a section", "\n¶\nport = 1\n", "[[server]]", "2 wrong-type server", "[server]"),
    ("value for a provider", "[providers]\nmain = ¶", '"smtp"', "2 wrong-type providers.main",
     '{ plugin = "smtp", channel = "email" }'),
    ("value for all providers", "providers = ¶", "3", "1 wrong-type providers", "{}"),
    ("value for all limits", "limits = ¶", "3", "1 wrong-type limits", "{}"),
    ("number for a duration", "[delivery]\ngive_up_after = ¶", "48", "2 wrong-type delivery.give_up_after", '"48h"'),
    ("number for a wait", '[delivery]\nretry = ["5s",\n  ¶]', "7", "3 wrong-type delivery.retry[1]", '"7s"'),
    # -- values -------------------------------------------------------------------------------------------------------
    ("version of the future", "config_version = ¶", "2", "1 wrong-value config_version", "1"),
    ("port too high", "[server]\nport = ¶", "65536", "2 wrong-value server.port", "65535"),
    ("port below zero", "[server]\nops_port = ¶", "-1", "2 wrong-value server.ops_port", "0"),
    ("number beyond all bounds", "[server]\nport = ¶", "9" * 30, "2 wrong-value server.port", "9"),
    ("host with a port", "[server]\nhost = ¶", '"127.0.0.1:80"', "2 wrong-value server.host", '"::1"'),
    ("host with a blank", "[server]\nhost = ¶", '"my host"', "2 wrong-value server.host", '"my-host"'),
    ("same port twice", "[server]\nport = 9\nops_port = ¶", "9", "3 wrong-value server.ops_port", "10"),
    ("http in the open", "[server]\npublic_url = ¶", '"http://q.example"', "2 wrong-value server.public_url",
     '"https://q.example"'),
    ("address with a path", "[server]\npublic_url = ¶", '"https://q.example/m"', "2 wrong-value server.public_url",
     '"https://q.example/"'),
    ("address with a user", "[server]\npublic_url = ¶", '"https://u@q.example"', "2 wrong-value server.public_url",
     '"https://q.example:8443"'),
    ("address with a strange port", "[server]\npublic_url = ¶", '"https://q.example:x"',
     "2 wrong-value server.public_url", '"http://localhost:8080"'),
    ("no network", "[server]\nproxies = [¶]", '"proxy"', "2 wrong-value server.proxies[0]", '"10.0.0.1"'),
    ("network with bits behind it", "[server]\nproxies = [¶]", '"10.0.0.1/8"', "2 wrong-value server.proxies[0]",
     '"10.0.0.0/8"'),
    ("second of several lines", '[server]\nproxies = [\n"::1",\n¶,\n]', '"x"', "4 wrong-value server.proxies[1]",
     '"fd00::/8"'),
    ("city for a zone", "[venue]\ntimezone = ¶", '"Lisbon"', "2 wrong-value venue.timezone", '"Europe/Lisbon"'),
    ("folder of zones", "[venue]\ntimezone = ¶", '"Europe"', "2 wrong-value venue.timezone", '"UTC"'),
    ("zone by a path", "[venue]\ntimezone = ¶", '"../Europe/Lisbon"', "2 wrong-value venue.timezone", '"Asia/Tokyo"'),
    ("country by its name", "[venue]\ncountry = ¶", '"Portugal"', "2 wrong-value venue.country", '"PT"'),
    ("country in small letters", "[venue]\ncountry = ¶", '"pt"', "2 wrong-value venue.country", '"DE"'),
    ("no country", "[venue]\ncountry = ¶", '"ZZ"', "2 wrong-value venue.country", '"ZA"'),
    ("region by its name", "[venue]\nregion = ¶", '"Florida"', "2 wrong-value venue.region", '"FL"'),
    ("language by its name", "[venue]\nlanguage = ¶", '"portuguese"', "2 wrong-value venue.language", '"pt-BR"'),
    ("end of a header", "[sender]\nname = ¶", r'"A\r\nBcc: b@c.example"', "2 wrong-value sender.name", '"A, B"'),
    ("line without end", "[sender]\nname = ¶", f'"{"a" * 501}"', "2 wrong-value sender.name", f'"{"a" * 500}"'),
    ("e-mail with a name", "[sender]\nemail = ¶", '"Q <q@q.example>"', "2 wrong-value sender.email", '"q@q.example"'),
    ("e-mail without a domain", "[sender]\nemail = ¶", '"q@localhost"', "2 wrong-value sender.email", '"é@ü.example"'),
    ("phone as it is dialled", "[sender]\nphone = ¶", '"0351 219"', "2 wrong-value sender.phone", '"+351219000000"'),
    ("capitals in a name", "[senders.¶]\nname = 'W'", "Weddings", "1 wrong-value senders.Weddings", "weddings"),
    ("path for a name", '[limits."¶"]\nendpoints = ["messages.send"]\nquota = 1\nwindow = "1m"', "../a",
     '1 wrong-value limits."../a"', "a"),
    ("channel nobody has", '[providers.main]\nplugin = "x"\nchannel = ¶', '"mail"',
     "3 wrong-value providers.main.channel", '"email"'),
    ("no connections", PROVIDER + "connections = ¶", "0", "4 wrong-value providers.main.connections", "1"),
    ("what uncertain is not", PROVIDER + "uncertain = ¶", '"drop"', "4 wrong-value providers.main.uncertain", '"hold"'),
    ("time-out of nothing", PROVIDER + "timeout = ¶", '"0s"', "4 wrong-value providers.main.timeout", '"30s"'),
    ("unit nobody knows", "[delivery]\ngive_up_after = ¶", '"2w"', "2 wrong-value delivery.give_up_after", '"14d"'),
    ("no waits at all", "[delivery]\nretry = ¶", "[]", "2 wrong-value delivery.retry", '["1s"]'),
    ("wait below zero", "[delivery]\nretry = [¶]", '"-5s"', "2 wrong-value delivery.retry[0]", '"5s"'),
    ("quota of nothing", LIMIT.replace("5", "¶"), "0", "3 wrong-value limits.mine.quota", "1"),
    ("quota below zero", LIMIT.replace("5", "¶"), "-5", "3 wrong-value limits.mine.quota", "5"),
    ("window of nothing", LIMIT.replace('"1m"', "¶"), '"0m"', "4 wrong-value limits.mine.window", '"1s"'),
    ("burst of nothing", LIMIT + "burst = ¶", "0", "5 wrong-value limits.mine.burst", "1"),
    ("endpoint that is not", LIMIT.replace("messages.send", "¶"), "messages.sent",
     "2 wrong-value limits.mine.endpoints[0]", "messages.template"),
    ("limit on nothing", LIMIT.replace('"messages.send"', "¶"), "", "2 wrong-value limits.mine.endpoints",
     '"messages.bulk"'),
    ("counted by what nobody knows", LIMIT + "by = ¶", '"guests"', "5 wrong-value limits.mine.by", '"guest"'),
    ("counted by the same twice", LIMIT + "by = ¶", '"ip+ip"', "5 wrong-value limits.mine.by", '"ip+role"'),
    ("looked at by guest", LIMIT.replace("messages.send", "messages.list") + "by = ¶", '"guest"',
     "5 wrong-value limits.mine.by", '"api_key"'),
    ("recipients of one", LIMIT + "cost = ¶", '"recipients"', "5 wrong-value limits.mine.cost", '"request"'),
    ("log-ins counted by key", '[limits.auth]\nendpoints = ["auth"]\nquota = 3\nwindow = "1m"\nby = ¶', '"api_key"',
     "2 wrong-value limits.auth.endpoints", '"ip"'),
    ("role that is not", LIMIT + "exempt = [¶]", '"boss"', "5 wrong-value limits.mine.exempt[0]", '"owner"'),
    ("network that is not", LIMIT + "exempt = [¶]", '"10.0.0.999"', "5 wrong-value limits.mine.exempt[0]",
     '"10.0.0.0/8"'),
    ("size without a unit", "[store]\nreserve = ¶", '"64"', "2 wrong-value store.reserve", '"64MiB"'),
    ("level of another program", "[logs]\nlevel = ¶", '"warn"', "2 wrong-value logs.level", '"warning"'),
    ("policy nobody has", "[compliance.policy]\n¶ = 3", "erasure_days", "2 unknown-key compliance.policy.erasure_days",
     "erasure_grace_days"),
    ("policy looser than the law", "[compliance.policy]\nmax_complaint_rate = ¶", "0.5",
     "2 wrong-value compliance.policy.max_complaint_rate", "0.001"),
    ("policy that is a law", "[compliance]\npolicy = { ¶ }", "caps = 1", "2 unknown-key compliance.policy.caps", ""),
    ("value for all policies", "[compliance]\npolicy = ¶", "1", "2 wrong-type compliance.policy", "{}"),
    ("hours in a policy", f"[compliance.policy.default_window]\n{WINDOW}daily = [¶]", '"8-21"',
     "5 wrong-value compliance.policy.default_window.daily[0]", '"08:00-21:00"'),
    ("house rule with another's id", OWN.replace('"HOUSE-1"', "¶"), '"US-TCPA-3"',
     "2 wrong-value compliance.rules[0].id", '"HOUSE-2"'),
    ("two house rules of one id", OWN + OWN.replace('"HOUSE-1"', "¶"), '"HOUSE-1"',
     "7 wrong-value compliance.rules[1].id", '"HOUSE-2"'),
    ("house rule that loosens", OWN.replace("deny", "¶"), "allow", "5 unknown-key compliance.rules[0].allow", "deny"),
    ("house rule that asks two things", OWN + "¶", "require = ['unsubscribe']", "1 wrong-value compliance.rules[0]",
     "channels = ['sms']"),
    ("hours of a house rule", OWN.replace('deny = ["spa"]', "window = { daily = [¶] }"), '"20:00-08:00"',
     "1 wrong-value compliance.rules[0]", '"08:00-20:00"'),
    # -- secrets ------------------------------------------------------------------------------------------------------
    ("password", PROVIDER + "¶", 'password = "x"', "4 inline-secret providers.main.password", 'password_file = "x"'),
    ("token deep inside", PROVIDER + "login = { ¶ }", 'api_token = "x"',
     "4 inline-secret providers.main.login.api_token", 'api_token_env = "X"'),
    ("secret in a section of ours", "[server]\n¶", 'secret = "x"', "2 inline-secret server.secret", "port = 1"),
    ("key that is a number", PROVIDER + "¶", "api_key = 7", "4 inline-secret providers.main.api_key",
     'api_key_file = "x"'),
    ("table called secret", "[server¶]\nport = 1", ".secret", "1 unknown-key server.secret", ""),
    # -- the file itself ----------------------------------------------------------------------------------------------
    ("no value", "[server]\nport = ¶\n[venue]", "", "2 toml ", "1"),
    ("open quote", "[venue]\nname = ¶\n", '"Quinta', "2 toml ", '"Quinta"'),
    ("open table", "[server¶\nport = 1", "", "1 toml ", "]"),
    ("same key twice", "[server]\nport = 1\n¶ = 2\n", "port", "3 toml ", "ops_port"),
    ("same table twice", "[server]\n[venue]\n[¶]\n", "server", "3 toml ", "logs"),
    ("cut off in the middle", "[server]\nport¶", "", "2 toml ", " = 1"),
    ("zero byte", "[venue]\nname = 'a¶'\n", "\0", "2 toml ", ""),
    ("byte order mark", "¶config_version = 1", "\ufeff", "1 encoding ", ""),
    ("lone carriage return", "[server]\nport = 1¶", "\rops_port = 2", "2 toml ", "\r\nops_port = 2"),
    ("fault behind Windows' line ends", "[server]\r\nport = 1\r\n\r\n¶ = 2\r\n", "prot", "4 unknown-key server.prot",
     "ops_port"),
    ("depths of lists", PROVIDER + "x = ¶", "[" * 40 + "]" * 40, "4 toml ", "[[]]"),
    ("depths no reader comes back from", PROVIDER + "x = ¶", "[" * 9000 + "]" * 9000, "None toml ", "[]"),
    ("number without end", "[server]\nport = ¶", "9" * 5000, "None toml ", "9"),
    ("larger than any configuration", "#¶", "x" * (1 << 20), "None too-large ", "x" * 1000),
]  # fmt: skip


def faults_of(path: Path, environ: dict[str, str] | None = None) -> list[str]:
    """What is wrong with a file, as "line code path"; nothing when it loads."""
    try:
        load(path, environ or {})
    except ConfigFaults as error:
        return [f"{fault.line} {fault.code} {fault.path}" for fault in error.found]
    return []


def written(tmp_path: Path, text: str | bytes) -> Path:
    file = tmp_path / "config.toml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


@pytest.mark.parametrize(
    ("text", "wrong", "fault", "right"), [case[1:] for case in CASES], ids=[one[0] for one in CASES]
)
def test_a_fault_is_named_at_its_line_and_the_mended_file_loads(tmp_path, text, wrong, fault, right):
    """One fault in a file is found where it stands, alone, and is gone when it is mended."""
    assert faults_of(written(tmp_path, text.replace("¶", wrong))) == [fault]
    assert faults_of(written(tmp_path, text.replace("¶", right))) == []


DURATION = 'a duration such as "30s", "5m", "48h" or "7d"'
DETAILS = [
    ("[server]\nprot = 1", "unknown-key", "server.prot", 'did you mean "port"?'),
    ("[plugins]\nxyz = 1", "unknown-key", "plugins.xyz", "known here: paths"),
    ('[server]\nport = "a"', "wrong-type", "server.port", "must be a whole number from 0 to 65535, not text"),
    ("[logs]\nlevel = true", "wrong-type", "logs.level", 'must be "debug", "info", "warning" or "error", not true'),
    ("[delivery]\nretry = 5", "wrong-type", "delivery.retry",
     f"must be a list that is not empty, each item {DURATION}, not a whole number"),
    ('[logs]\nformat = "jsn"', "wrong-value", "logs.format",
     'must be "auto", "json" or "text"; did you mean "json"?'),
    ('[venue]\ntimezone = "Lisbon"', "wrong-value", "venue.timezone",
     'must be a time zone such as "Europe/Lisbon"; did you mean "Europe/Lisbon"?'),
    ('[venue]\ncountry = "Germany"', "wrong-value", "venue.country",
     'must be a country\'s two letters, such as "PT"; did you mean "DE"?'),
    ('[server]\nproxies = ["10.1.2.3/8"]', "wrong-value", "server.proxies[0]",
     'must be an IP address or a network such as "10.0.0.0/8"; did you mean "10.0.0.0/8"?'),
    ('[sender]\npassword = "x"', "inline-secret", "sender.password",
     "put it into a file of its own and name that in password_file"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "key", "detail"), DETAILS, ids=[one[2] for one in DETAILS])
def test_a_fault_says_what_would_be_right(tmp_path, text, code, key, detail):
    """The line has file, line, code, key, what is allowed and, where something comes near, what was meant."""
    with pytest.raises(ConfigFaults) as raised:
        load(written(tmp_path, text), {})
    assert str(raised.value).splitlines()[1:] == [f"config.toml:2: error[{code}]: {key} — {detail}"]


@pytest.mark.parametrize(("end", "where"), [("", "the end of the file"), ("@\n", "column 8")])
def test_a_fault_of_syntax_says_where_in_the_line(tmp_path, end, where):
    """What Python's reader knows of the place is kept, in the form of every other fault."""
    with pytest.raises(ConfigFaults) as raised:
        load(written(tmp_path, f"[server]\nport = {end}"), {})
    assert str(raised.value).splitlines()[1:] == [f"config.toml:2: error[toml]: Invalid value, at {where}"]


def test_all_faults_are_named_at_once_in_the_order_of_the_file(tmp_path):
    """Whoever mends a file need not try again and again."""
    text = """
config_version = 9
[providers.main]
chanel = "email"
plugin = 5
[server]
prot = 1
port = "x"
[delivery]
retry = ["1s", "x", 3]
"""
    assert faults_of(written(tmp_path, text)) == [
        "2 wrong-value config_version",
        "3 missing-key providers.main.channel",
        "5 wrong-type providers.main.plugin",
        "7 unknown-key server.prot",
        "8 wrong-type server.port",
        "10 wrong-value delivery.retry[1]",
        "10 wrong-type delivery.retry[2]",
    ]


def test_faults_stop_a_start_with_their_own_exit_code(tmp_path):
    """The first line says what and what to do, the exit code is that of a configuration."""
    with pytest.raises(ConfigFaults) as raised:
        load(written(tmp_path, "a = 1\nb = 2"), {})
    error = raised.value
    assert (error.code, error.exit_code) == ("config", 78)
    assert str(error).splitlines()[0] == "the configuration has 2 faults — mend what is listed, then try again"


def test_a_secret_is_never_repeated(tmp_path):
    """A fault names the key; what was typed beside it stays where it is."""
    text = '[server]\nport = "hunter2"\ntoken = "hunter2"\nlevel = "hunter2"\n[logs]\nlevel = "hunter2"\n'
    with pytest.raises(ConfigFaults) as raised:
        load(written(tmp_path, text), {})
    assert len(raised.value.found) == 4
    assert "hunter2" not in str(raised.value) + repr(raised.value)


# -- files that are none ----------------------------------------------------------------------------------------------


def test_bytes_that_are_not_utf8_are_named_with_their_line(tmp_path):
    """A file from an old editor is refused where its first strange letter stands; the same letter in UTF-8 is fine."""
    text = "[venue]\nname = 'Café'\n"
    assert faults_of(written(tmp_path, text.encode("latin-1"))) == ["2 encoding "]
    assert faults_of(written(tmp_path, text)) == []


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        (".", "is a folder; name the file in it"),
        ("missing.toml", "cannot be read (No such file or directory)"),
        ("config.toml/config.toml", "cannot be read (Not a directory)"),
    ],
)
def test_what_is_not_a_file_is_named(tmp_path, name, fault):
    """A folder, nothing, and a way that leads nowhere are told apart, and a file is read."""
    file = written(tmp_path, "")
    with pytest.raises(ConfigFaults) as raised:
        load(tmp_path / name, {})
    (found,) = raised.value.found
    assert (found.code, found.line, found.detail) == ("unreadable", None, fault)
    assert faults_of(file) == []


def test_a_link_to_a_file_is_as_good_as_the_file(tmp_path):
    """Mounted configurations are symbolic links, and have their faults all the same."""
    file = written(tmp_path, "[server]\nport = 1\n")
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    assert load(link, {}).server.port == 1
    file.write_text("[server]\nprot = 1\n")
    assert faults_of(link) == ["2 unknown-key server.prot"]
