"""The commands, run as a person runs them: against nothing, against a folder, against a gateway that runs."""

import base64
import io
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from gateway import totp
from gateway.cli.main import main
from gateway.config import starter
from gateway.store.db import connect

PROGRAM = [sys.executable, "-c", "from gateway.cli import main; main()"]


class Ran:
    """How a command ended."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a command in this process, on a data folder of its own."""
    monkeypatch.chdir(tmp_path)
    for name in ("GATEWAY_CONFIG", "GATEWAY_KEYS", "GATEWAY_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GATEWAY_DATA", str(tmp_path / "data"))

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["gateway", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return Ran(ended.value.code or 0, out, err)

    return command


@pytest.fixture
def served(tmp_path):
    """A gateway that runs as a process of its own on the data folder; its main port."""
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        port, ops = one.getsockname()[1], two.getsockname()[1]
    (tmp_path / "data").mkdir(exist_ok=True)
    text = starter().replace("port = 8080", f"port = {port}").replace("ops_port = 9090", f"ops_port = {ops}")
    (tmp_path / "data" / "config.toml").write_text(text)
    process = subprocess.Popen(
        [*PROGRAM, "serve", "--data", str(tmp_path / "data")], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    wait_for(f"http://127.0.0.1:{port}/health/ready")
    yield process, port
    if process.poll() is None:
        process.kill()
    process.wait()


def wait_for(url):
    for _ in range(400):
        try:
            return urllib.request.urlopen(url, timeout=1).read()
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the gateway did not come up")


def test_the_version_is_printed(run):
    """`gateway version` says which release this is."""
    assert run("version").out.strip() == "0.1.0"


def test_people_are_added_with_a_password_or_a_code(run, tmp_path):
    """A password comes from a file or what is piped in; without one, a code is laid where only its user can read it."""
    (tmp_path / "password").write_text("zwei Kaffee am Morgen\n")
    run("init")
    ana = ("--email", "ana@quinta.example", "--name", "Ana", "--role", "owner")
    made = run("user", "add", *ana, "--password-file", "password", "--json").json
    assert made["setup_code_file"] is None
    assert run("user", "add", *ana).code == 64
    bo = run("user", "add", "--email", "bo@quinta.example", "--name", "Bo", "--role", "reader")
    assert "chooses a password with the code in" in bo.out
    assert (tmp_path / "data" / "setup-code").stat().st_mode & 0o777 == 0o600
    listed = run("user", "list", "--json").json["items"]
    assert [(one["name"], one["role"], one["ready"]) for one in listed] == [
        ("Bo", "reader", False), ("Ana", "owner", True)
    ]  # fmt: skip
    assert "bo@quinta.example" in run("user", "list").out
    assert "has a new password" in run("user", "passwd", "bo@quinta.example", "--password-file", "password").out
    assert run("user", "passwd", "eve@quinta.example", "--password-file", "password").code == 64
    (tmp_path / "password").write_text("short")
    assert run("user", "passwd", made["id"], "--password-file", "password").code == 64
    eve = ("--email", "eve@quinta.example", "--name", "Eve", "--role")
    assert run("user", "add", *eve, "king").code == 2
    assert run("user", "add", *eve, "reader", "--password-file", "password").code == 64
    assert len(run("user", "list", "--json").json["items"]) == 2


def test_a_password_is_asked_for_on_a_terminal(run, monkeypatch, tmp_path):
    """And not shown; nothing typed means a code."""
    run("init")
    monkeypatch.setattr("sys.stdin", Terminal("zwei Kaffee am Morgen\n\n"))
    monkeypatch.setattr("click.termui.hidden_prompt_func", lambda _: sys.stdin.readline().rstrip("\n"))
    order = ("user", "add", "--name", "Ana", "--role", "owner", "--json", "--email")
    assert run(*order, "ana@quinta.example").json["setup_code_file"] is None
    assert run(*order, "bo@quinta.example").json["setup_code_file"] is not None


class Terminal(io.StringIO):
    """A terminal somebody types into."""

    def isatty(self):
        return True


def test_a_second_factor_is_given_confirmed_and_taken_off(run, tmp_path):
    """First a secret, then with a code of it recovery codes; both shown once."""
    run("init")
    run("user", "add", "--email", "ana@quinta.example", "--name", "Ana", "--role", "owner")
    begun = run("user", "totp", "ana@quinta.example")
    secret = base64.b32decode(begun.out.splitlines()[0])
    (tmp_path / "code").write_text(totp.code(secret, time.time_ns() // 1_000_000 // totp.STEP_MS))
    confirmed = run("user", "totp", "ana@quinta.example", "--code-file", "code")
    assert len(confirmed.out.splitlines()) == 11
    assert run("user", "totp", "ana@quinta.example").code == 64
    assert "No code" in run("user", "totp", "ana@quinta.example", "--off").out
    assert run("user", "list", "--json").json["items"][0]["totp"] is False


def test_a_key_is_rotated_and_the_signing_key_renewed(run):
    """The new key is another one, for the same caller; access tokens get a new signature."""
    run("init")
    old = run("apikey", "create", "--name", "desk", "--scopes", "read", "--json").json
    new = run("apikey", "rotate", old["id"], "--overlap", "60", "--json").json
    assert new.keys() == {"id", "key"} and new["id"] != old["id"]
    listed = run("apikey", "list", "--json").json["items"]
    assert len({one["principal"] for one in listed}) == 1 and listed[1]["expires_at"]
    assert len(run("key", "rotate", "jwt", "--json").json["keys"]) == 2
    assert run("key", "rotate", "index").code == 2


def test_a_wrong_option_is_a_usage_error(run):
    """Exit 2 and a word on how to do it right."""
    ran = run("serve", "--colour")
    assert (ran.code, "--colour" in ran.err) == (2, True)
    assert run("nonsense").code == 2


def test_init_makes_all_there_is_and_can_be_repeated(run, tmp_path):
    """Keys, store and a config.toml that works; a second time changes nothing."""
    first = run("init", "--json").json
    assert first["new"]
    assert {path.name for path in (tmp_path / "data").iterdir()} >= {"gateway.db", "keys", "config.toml"}
    key = (tmp_path / "data/keys/master.key").read_text()
    again = run("init", "--json").json
    assert not again["new"]
    assert again["audit_public_key"] == first["audit_public_key"]
    assert (tmp_path / "data/keys/master.key").read_text() == key
    assert run("check").code == 0
    assert "Keep a copy" in run("init").out


def test_an_empty_folder_is_served_as_init_would_leave_it(run, tmp_path, monkeypatch):
    """The very first run goes by the config.toml that it writes: a mail has an address to come from."""
    for port in ("PORT", "OPS_PORT"):
        monkeypatch.setenv(f"GATEWAY__SERVER__{port}", "0")
    process = subprocess.Popen([*PROGRAM, "serve"], stdout=subprocess.PIPE, text=True)
    with process.stdout:
        assert '"event":"ready"' in process.stdout.readline()
        (tmp_path / "text").write_text("See you on Friday.")
        sent = run("send", "--to", "ana@example.org", "--subject", "Your stay", "--class", "transactional", "text")
        process.terminate()
        assert process.wait(20) == 0
    assert sent.code == 0, sent.err


def test_keys_are_made_listed_and_revoked_without_a_gateway(run):
    """With nothing running, a command opens the parts for itself, and the record knows of it."""
    run("init")
    made = run("apikey", "create", "--name", "desk", "--scopes", "send,read", "--json").json
    assert made["key"].startswith("gk_")
    listed = run("apikey", "list", "--json").json["items"]
    assert [(key["id"], key["name"], key["scopes"]) for key in listed] == [(made["id"], "desk", ["read", "send"])]
    assert made["key"] not in run("apikey", "list").out
    assert "revoked" in run("apikey", "revoke", made["id"]).out
    assert run("apikey", "revoke", made["id"]).code == 64
    assert run("apikey", "create", "--scopes", "everything").code == 64
    assert run("audit", "verify", "--json").json["size"] >= 2


def test_a_message_is_sent_and_explained(run, tmp_path):
    """`send` takes a text, `explain` says why, `queue` shows what waits."""
    run("init")
    (tmp_path / "text").write_text("See you on Friday.")
    sent = run("send", "--to", "ana@example.org", "--subject", "Stay", "--class", "transactional", "text", "--json")
    assert sent.json["status"] == "queued"
    told = run("explain", sent.json["id"])
    assert "over email, transactional, is queued.\nBy the law of" in told.out
    assert run("explain", sent.json["id"], "--json").json["compliance"]["decision"] == "allow"
    assert sent.json["id"] in run("queue", "list", "--status", "queued").out
    assert sent.json["id"] in run("queue", "list", "--status", "queued", "--json").out
    refused = run("send", "--to", "ana@example.org", "--subject", "News", "text")
    assert (refused.code, "error[blocked]" in refused.err) == (1, True)
    blocked = run("queue", "list", "--status", "blocked", "--json").json["items"][0]["id"]
    why = run("explain", blocked).out.splitlines()
    assert why[0] == f"{blocked} over email, marketing, is blocked."
    assert why[1].endswith("it may not go at all.") and why[2].startswith("  - The guest")
    assert why[2].endswith("]")
    assert run("explain", "msg_none").code == 64
    assert run("queue", "retry", sent.json["id"]).code == 64
    assert run("queue", "release", sent.json["id"]).code == 64


def test_an_altered_record_is_found(run, tmp_path):
    """`audit verify` ends with 0 on a sound record, with 1 on an altered one, naming the first that does not fit."""
    run("init")
    for name in ("one", "two"):
        run("apikey", "create", "--name", name, "--scopes", "read")
    note = run("audit", "checkpoint").out
    (tmp_path / "kept").write_text(note)
    public = (tmp_path / "data/keys/audit.pub").read_text().strip()
    good = run("audit", "verify", "--checkpoint", "kept", "--key", public)
    assert (good.code, good.out.startswith("ok size="), "unpinned" in good.out) == (0, True, False)
    assert "unpinned" in run("audit", "verify").out
    db = connect(tmp_path / "data/gateway.db")
    db.execute("UPDATE audit SET entry = CAST(replace(entry, 'created', 'revoked') AS BLOB) WHERE seq = 1")
    db.close()
    bad = run("audit", "verify")
    assert (bad.code, bad.out.startswith("FAIL seq=2 ")) == (1, True)


def test_an_entry_is_proven_and_a_report_is_taken(run, tmp_path):
    """`audit prove` and `audit export` write what `audit verify --proof` takes, with the key alone."""
    run("init")
    run("apikey", "create", "--name", "one", "--scopes", "read")
    (tmp_path / "kept").write_text(run("audit", "checkpoint").out)
    run("apikey", "create", "--name", "two", "--scopes", "read")
    public = (tmp_path / "data/keys/audit.pub").read_text().strip()
    (tmp_path / "entry").write_text(run("audit", "prove", "1", "--checkpoint", "kept").out)
    (tmp_path / "growth").write_text(run("audit", "prove", "--from", "kept", "--json").out)
    assert "bytes in all.json" in run("audit", "export", "--period", "2020-01-01..2099-12-31", "all.json").out
    for name in ("entry", "growth", "all.json"):
        good = run("audit", "verify", "--proof", name, "--key", public)
        assert (good.code, good.out.startswith("ok size="), "unpinned" in good.out) == (0, True, False)
    forged = (tmp_path / "entry").read_text().replace("local:", "local:9")
    (tmp_path / "entry").write_text(forged)
    bad = run("audit", "verify", "--proof", "entry", "--key", public)
    assert (bad.code, bad.out.startswith("FAIL seq=1 ")) == (1, True)
    assert run("audit", "prove").code == run("audit", "prove", "1", "--from", "kept").code == 2
    assert run("audit", "verify", "--proof", "entry", "--checkpoint", "kept").code == 2
    assert run("audit", "prove", "9999").code == 64
    table = run("audit", "export", "--period", "2020-01-01..2099-12-31", "--csv").out.splitlines()
    assert table[0].lstrip("\ufeff").startswith("group,seq,") and table[1].startswith("checkpoint,")
    assert run("audit", "export", "--period", "soon").code == 64
    assert (tmp_path / "all.json").stat().st_mode & 0o077 == 0


def test_a_wrong_counter_is_found(run, tmp_path):
    """`analytics verify` ends with 0 where counters and events agree, with 1 where not, naming where."""
    run("init")
    (tmp_path / "text").write_text("See you on Friday.")
    run("send", "--to", "ana@example.org", "--subject", "Stay", "--class", "transactional", "text")
    good = run("analytics", "verify")
    assert (good.code, good.out) == (0, "ok rows=2\n")
    db = connect(tmp_path / "data/gateway.db")
    db.execute("UPDATE counters SET counts = plus(counts, counts) WHERE grain = 'hour'")
    db.close()
    bad = run("analytics", "verify")
    assert (bad.code, bad.out.startswith("FAIL rows=2 wrong=1\n")) == (1, True)
    assert "email transactional general en XX -: counted {'accepted': 2}, recounted {'accepted': 1}" in bad.out
    assert run("analytics", "verify", "--json").json["wrong"] == 1


def test_keys_can_be_looked_at(run, tmp_path):
    """`key init` makes them once, `key verify` and `key status` tell of them; a lost one is exit 77."""
    assert "master.key" in run("key", "init").out
    assert run("key", "init").code == 77
    run("init")
    assert "guests are there" in run("key", "verify").out
    assert sum(run("key", "status", "--json").json["masters"].values()) > 1000
    (tmp_path / "data/keys/master.key").unlink()
    lost = run("key", "verify")
    assert (lost.code, lost.err.startswith("gateway: error[key]: ")) == (77, True)


def test_the_limits_in_force_are_shown(run):
    """All four of a fresh folder, as data and in words."""
    run("init")
    assert [one["name"] for one in run("limits", "status", "--json").json["items"]] == ["auth", "bulk", "check", "send"]
    words = "send: 100 in 60 s by api_key (token_bucket), refused 0 within the hour; 0 accounts"
    assert words in run("limits", "status").out


def test_limits_that_their_algorithm_cannot_keep_are_named(run, tmp_path):
    """A burst where there is none and a quota too large, each with its line, by the check and by a start; both mended,
    all is well."""
    table = '[limits.{}]\nendpoints = ["messages.send"]\nwindow = "1m"\nalgorithm = "{}"\nquota = {}\n'
    log, window = table.format("log", "sliding_log", 10_001), table.format("even", "sliding_window", 5)
    (tmp_path / "config.toml").write_text(log + window + "burst = 9\n")
    for command in (("config", "check"), ("serve", "--config", "config.toml")):
        wrong = run(*command)
        assert wrong.code == 78
        assert "config.toml:4: error[wrong-value]: limits.log.algorithm — sliding_log remembers every take" in wrong.err
        assert "config.toml:11: error[wrong-value]: limits.even.burst — must be left out" in wrong.err
    bucket = table.format("even", "token_bucket", 5) + "burst = 9\n"
    (tmp_path / "config.toml").write_text(log.replace("10001", "10000") + bucket)
    assert run("config", "check").out.strip() == "ok"


def test_the_configuration_is_checked_shown_and_explained(run, tmp_path):
    """A mistake is named with its line and the right word; without it all is well."""
    (tmp_path / "config.toml").write_text('config_version = 1\n[providers.main]\nplugin = "smpt"\nchannel = "email"\n')
    wrong = run("config", "check")
    assert wrong.code == 78
    assert 'config.toml:3: error[unknown-plugin]: providers.main.plugin — did you mean "smtp"?' in wrong.err
    (tmp_path / "config.toml").write_text("config_version = 1\n")
    assert run("config", "check").out.strip() == "ok"
    assert any(one["key"] == "server.port" for one in run("config", "show", "--json").json)
    assert "server.port" in run("config", "show").out
    assert "8080" in run("config", "explain", "server.port").out
    assert run("config", "explain", "server.prot").code == 64
    assert run("config", "schema").json["title"] == "config.toml of Guest Gateway"


def test_what_is_loaded_is_listed(run, tmp_path):
    """Channels, limiters and laws; and what was set aside."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "broken.py").write_text("import nothing_of_this_name\n")
    (tmp_path / "config.toml").write_text('config_version = 1\n[plugins]\npaths = ["own"]\n')
    run("init")
    found = run("plugins", "list", "--config", "config.toml", "--json").json
    assert {"smtp", "outbox"} <= set(found["channels"])
    assert found["quarantined"][0]["name"] == "broken"
    assert "set aside: broken" in run("plugins", "list", "--config", "config.toml").out


def test_migrate_says_what_it_did(run):
    """On a fresh folder all steps are taken, on a current one none."""
    assert run("migrate", "--json").json["steps"] > 0
    assert run("migrate").out.strip() == "0 steps taken"


def test_commands_speak_to_the_gateway_that_runs(run, served):
    """With a gateway running the same commands go over its socket, and it knows of them at once."""
    process, port = served
    made = run("apikey", "create", "--scopes", "all", "--json").json
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/communications/messages", headers={"Authorization": f"Bearer {made['key']}"}
    )
    assert json.loads(urllib.request.urlopen(request).read())["items"] == []
    assert json.loads(run("healthcheck").out)["status"] == "ready"
    process.send_signal(signal.SIGTERM)
    assert process.wait(8) == 0
    assert run("healthcheck").code == 1


def test_a_gateway_that_runs_waits_for_its_first_owner(run, served, tmp_path):
    """The code in its data folder makes one, from outside; then the file is gone."""
    _, port = served
    file = tmp_path / "data" / "setup-code"
    for _ in range(100):
        if file.exists() and file.read_text():
            break
        time.sleep(0.05)
    order = {
        "code": file.read_text(),
        "email": "ana@quinta.example",
        "name": "Ana",
        "password": "zwei Kaffee am Morgen",
    }
    url = f"http://127.0.0.1:{port}/communications/auth/setup"
    request = urllib.request.Request(url, json.dumps(order).encode(), {"Content-Type": "application/json"})
    made = json.loads(urllib.request.urlopen(request).read())
    assert [one["id"] for one in run("user", "list", "--json").json["items"]] == [made["id"]]
    assert not file.exists()


def test_a_reload_is_taken_whole_or_not_at_all(run, served, tmp_path):
    """HUP with a mistake changes nothing; with a good file the next request sees it."""
    process, port = served
    key = run("apikey", "create", "--scopes", "all", "--json").json["key"]
    file = tmp_path / "data" / "config.toml"
    good = file.read_text()

    def limit():
        body = b'{"channel":"email","to":"a@example.org","class":"transactional","subject":"x","text":"y"}'
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        url = f"http://127.0.0.1:{port}/communications/messages/send"
        with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
            return answer.headers["RateLimit-Policy"]

    assert limit() == '"send";q=100;w=60'
    file.write_text(good + "[limits.send]\nquota = 7\n")
    process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert limit() == '"send";q=100;w=60'
    file.write_text(good + '[limits.send]\nendpoints = ["messages.send"]\nquota = 7\nwindow = "1m"\n')
    process.send_signal(signal.SIGHUP)
    for _ in range(50):
        if limit() == '"send";q=7;w=60':
            break
        time.sleep(0.1)
    assert limit() == '"send";q=7;w=60'


def test_the_demonstration_ends_well(run):
    """Six messages end as they should, over real SMTP, and the record verifies."""
    shown = run("demo", "--json").json
    assert shown["ok"]
    assert shown["audit"]["ok"]
    assert [one["status"] for one in shown["messages"]] == ["sent", "sent", "blocked", "blocked", "deferred", "sent"]
    assert shown["messages"][-1]["tries"] == 2
    assert "EU-DE-1" in shown["messages"][2]["reasons"]


def test_the_demonstration_can_be_read(run):
    """In words: a table, the record, where the mails lie, and a line to try."""
    shown = run("demo").out
    assert "may not go" in shown
    assert "not altered" in shown
    folder = Path(shown.partition("The mails that arrived lie in ")[2].splitlines()[0])
    assert any(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in mail.read_bytes() for mail in folder.iterdir())
    assert "curl -s -H 'Authorization: Bearer gk_" in shown


def test_the_first_run_needs_no_configuration(run, served, tmp_path):
    """What `init` writes works as it is: a mail is accepted, and lies in the outbox a moment later."""
    (tmp_path / "text").write_text("See you on Friday.")
    sent = run(
        "send", "--to", "ana@example.org", "--subject", "Stay", "--class", "transactional", "text", "--json"
    ).json
    for _ in range(100):
        if list(tmp_path.glob(f"data/channels/*/{sent['id']}.eml")):
            break
        time.sleep(0.05)
    assert "is sent" in run("explain", sent["id"]).out
