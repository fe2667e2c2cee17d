"""The container as it is described: compose.yaml and the Dockerfile agree with each other and with the program.

Whether it runs is tried by `make image`, which needs a container tool; this needs none.
"""

import json
import re
from pathlib import Path

import pytest
import yaml

from gateway.cli.main import COMMANDS
from gateway.config import load
from gateway.life import DRAIN_SECONDS

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICE = COMPOSE["services"]["gateway"]
SECONDS = {"s": 1, "m": 60}


def instructions(text, last_stage=True):
    """What a Dockerfile says, as (word, rest) with lines joined; of the stage that becomes the image, or of all."""
    lines = re.sub(r"\s*\\\n\s*", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)).splitlines()
    found = [tuple(line.split(maxsplit=1)) for line in lines if line.strip()]
    starts = [number for number, (word, _) in enumerate(found) if word == "FROM"]
    return found[starts[-1] :] if last_stage else found


IMAGE = instructions(DOCKERFILE)
ENV = dict(pair.split("=", 1) for word, rest in IMAGE if word == "ENV" for pair in rest.split())


def said(word):
    """What the last stage says behind this word, the last time."""
    return [rest for found, rest in IMAGE if found == word][-1]


def seconds(text):
    """A duration such as 30s."""
    return int(text[:-1]) * SECONDS[text[-1]]


def mounts():
    """The service's volumes as (source, target, options)."""
    return [(*volume.split(":"), "")[:3] for volume in SERVICE["volumes"]]


def test_the_reader_of_dockerfiles_knows_stages_and_long_lines():
    """The positive control: only the last stage, comments out, one instruction however many lines it has."""
    text = "FROM a AS build\nUSER root\nFROM b\n# no\nENV A=1 \\\n    B=2\nUSER c\n"
    assert instructions(text) == [("FROM", "b"), ("ENV", "A=1 B=2"), ("USER", "c")]
    assert ("USER", "root") in instructions(text, last_stage=False)


def test_every_key_of_the_service_is_one_we_look_at():
    """A misspelt key would be ignored by some tools, and with it a wall."""
    looked_at = {"build", "image", "restart", "stop_grace_period", "read_only", "tmpfs", "cap_drop", "security_opt",
                 "ports", "environment", "volumes"}  # fmt: skip
    assert set(SERVICE) == looked_at
    assert set(COMPOSE) == {"services", "volumes"}


def test_it_runs_without_privileges_on_a_root_that_cannot_be_written():
    """A user of its own that is not root, no capability, nothing to gain, one scratch folder in memory."""
    assert said("USER") == "gateway"
    assert re.search(r"useradd --uid ([1-9]\d{4,}) .*\bgateway\b", DOCKERFILE)
    assert SERVICE["read_only"] is True
    assert (SERVICE["tmpfs"], SERVICE["cap_drop"]) == (["/tmp"], ["ALL"])
    assert SERVICE["security_opt"] == ["no-new-privileges:true"]


def test_what_is_published_is_what_it_listens_on_and_for_this_machine_only():
    """The exposed ports are the program's own, which it serves to the container's network and compose to 127.0.0.1."""
    variables = {name: value for name, value in ENV.items() if name.startswith("GATEWAY__")}
    server = load(ROOT / "config.toml", variables).server
    ports = [str(server.port), str(server.ops_port)]
    assert said("EXPOSE").split() == ports
    assert SERVICE["ports"] == [f"127.0.0.1:{port}:{port}" for port in ports]
    assert (server.host, server.ops_host) == ("0.0.0.0", "0.0.0.0")


def test_data_and_keys_are_volumes_apart_that_the_user_owns():
    """The two folders it writes to are the image's volumes, belong to its user, and are two named ones here."""
    folders = [ENV["GATEWAY_DATA"], ENV["GATEWAY_KEYS"]]
    assert json.loads(said("VOLUME")) == folders
    assert re.search(rf"install -d -o gateway -g gateway -m 0700 {' '.join(folders)}$", said("RUN"))
    named = {target: source for source, target, _ in mounts() if not source.startswith(".")}
    assert sorted(named) == sorted(folders)
    assert set(named.values()) == set(COMPOSE["volumes"])
    assert len(set(named.values())) == 2


def test_its_configuration_is_the_one_of_this_folder_and_cannot_be_written():
    """Mounted read-only where the variable points; and the file is there and loads."""
    ((source, target, options),) = [mount for mount in mounts() if mount[0].startswith(".")]
    assert SERVICE["environment"] == {"GATEWAY_CONFIG": target}
    assert (options, load(ROOT / source, {}).venue.language) == ("ro", "en")


def test_it_is_given_the_time_to_stop():
    """TERM, and longer than it drains before it is killed."""
    assert said("STOPSIGNAL") == "SIGTERM"
    assert seconds(SERVICE["stop_grace_period"]) > DRAIN_SECONDS + 2


def test_what_the_image_calls_is_a_command():
    """It serves, and its health is asked for, by commands that exist; the check ends before the next one begins."""
    assert (json.loads(said("ENTRYPOINT")), json.loads(said("CMD"))) == (["gateway"], ["serve"])
    options, command = said("HEALTHCHECK").split(" CMD ")
    times = dict(option.removeprefix("--").split("=") for option in options.split())
    assert json.loads(command) == ["gateway", "healthcheck"]
    assert {"serve", "healthcheck"} <= COMMANDS.keys()
    assert seconds(times["timeout"]) < seconds(times["interval"])


@pytest.mark.parametrize("source", ["gateway", "requirements.lock", "README.md"])
def test_what_is_copied_is_let_through(source):
    """Everything the build takes from this folder exists and is not ignored; and these are among it."""
    copied = [
        rest.split()[:-1] for word, rest in instructions(DOCKERFILE, False) if word == "COPY" and "--from" not in rest
    ]
    taken = {name for names in copied for name in names}
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert source in taken
    assert taken <= let_through
    assert [name for name in taken if not (ROOT / name).exists()] == []
