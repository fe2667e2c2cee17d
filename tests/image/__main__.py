"""Builds the image and tries it as an operator would: read-only, without privileges, stopped and started again.

`make image` runs this. It needs podman, or docker with its daemon, and nothing but Python's own library. Where no
registry can be reached, podman builds on a stand-in for the base image that debootstrap makes (as root, once).
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
BASE = "docker.io/library/python:3.13-slim"
STAND_IN = "localhost/guest-gateway-base"
IMAGE = "localhost/guest-gateway-tried"
NAME = "guest-gateway-tried"
VOLUMES = {f"{NAME}-data": "/data", f"{NAME}-keys": "/keys"}
HARDENED = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
# podman's own defaults ask for limits that an unprivileged host refuses.
LIMITS = ["--ulimit", "nofile=20000:20000", "--ulimit", "nproc=10000:10000"]


def main() -> None:
    """Build, try, and tidy up; the first thing that does not hold ends it."""
    tool = container_tool()
    build(tool)
    with ExitStack() as tidy:
        tidy.callback(call, *tool, "volume", "rm", "-f", *VOLUMES, check=False)
        tidy.callback(call, *tool, "rm", "-f", NAME, check=False)
        try_out(tool)
    print("The image is well.")


def container_tool() -> list[str]:
    """podman, or docker if its daemon answers."""
    if shutil.which("podman"):
        return ["podman"]
    if shutil.which("docker") and call("docker", "info", check=False).returncode == 0:
        return ["docker"]
    sys.exit("There is no container tool here: install podman, or docker with its daemon. The image was not tried.")


def call(*command: str, check: bool = True, **options) -> subprocess.CompletedProcess:
    """Run a command quietly; what it said is shown when it fails."""
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, **options)
    if check and answer.returncode:
        sys.exit(f"{' '.join(command)} ended with {answer.returncode}\n{answer.stdout}{answer.stderr}")
    return answer


# -- building ---------------------------------------------------------------------------------------------------------


def build(tool: list[str]) -> None:
    """Build the image from the Dockerfile."""
    print("building the image", flush=True)
    options = ["--network", "host", "--build-arg", f"BASE={base(tool)}", "-t", IMAGE]
    if tool == ["podman"]:
        # chroot needs no privileges; the machine's certificates may have a company's own among them.
        options += ["--isolation", "chroot", "--format", "docker", "-v", "/etc/ssl/certs:/etc/ssl/certs:ro"]
    call(*tool, "build", *options, ".")


def base(tool: list[str]) -> str:
    """The base image: the real one where it is or can be had, else a stand-in of Debian's own Python."""
    if any(call(*tool, *have, BASE, check=False).returncode == 0 for have in (["image", "inspect"], ["pull"])):
        return BASE
    if call(*tool, "image", "inspect", STAND_IN, check=False).returncode == 0:
        return STAND_IN
    if not shutil.which("debootstrap") or os.geteuid() != 0:
        sys.exit(f"{BASE} cannot be pulled, and without debootstrap and root there is no stand-in for it.")
    print(f"{BASE} cannot be pulled: making a stand-in with debootstrap", flush=True)
    with tempfile.TemporaryDirectory(prefix="guest-gateway-base-") as folder:
        packages = "--include=python3,python3-venv,ca-certificates"
        call("debootstrap", "--variant=minbase", packages, "trixie", f"{folder}/root")
        archive = f"{folder}/root.tar"
        call("tar", "-C", f"{folder}/root", "--exclude=./proc", "--exclude=./sys", "-cf", archive, ".")
        call(*tool, "import", archive, STAND_IN)
    return STAND_IN


# -- trying -----------------------------------------------------------------------------------------------------------


def try_out(tool: list[str]) -> None:
    """One message through a fresh container, and what is left of it after a stop."""
    port, ops_port = free_port(), free_port()
    start(tool, port, ops_port)
    wait_for("its health check says that it is well", lambda: healthy(tool))
    holds("it runs as 10001", inside(tool, "id", "-u").stdout.strip() == "10001")
    holds("its folder can be written", inside(tool, "touch", "/data/mark").returncode == 0)
    holds("its root cannot", inside(tool, "touch", "/mark", check=False).returncode != 0)

    key = json.loads(inside(tool, "gateway", "apikey", "create", "--scopes", "all", "--json").stdout)["key"]
    api = f"http://127.0.0.1:{port}/communications/messages"
    order = {"channel": "email", "to": "ana@example.org", "class": "transactional", "category": "booking",
             "subject": "Your stay", "text": "See you on Friday."}  # fmt: skip
    message = ask(f"{api}/send", key, order)["id"]
    wait_for("it leaves", lambda: ask(f"{api}/{message}", key)["status"] in ("sent", "delivered"))

    call(*tool, "stop", "-t", "10", NAME)
    code = call(*tool, "inspect", "-f", "{{.State.ExitCode}}", NAME).stdout.strip()
    holds("it stops in time and ends with 0", code == "0")
    call(*tool, "start", NAME)
    wait_for("it is ready again", lambda: inside(tool, "gateway", "healthcheck", check=False).returncode == 0)
    holds("the message is still there", ask(f"{api}/{message}", key)["id"] == message)
    holds("the audit log verifies", inside(tool, "gateway", "audit", "verify").stdout.startswith("ok"))


def start(tool: list[str], port: int, ops_port: int) -> None:
    """Run it as compose.yaml does, on ports that are free here."""
    call(*tool, "rm", "-f", NAME, check=False)
    call(*tool, "volume", "rm", "-f", *VOLUMES, check=False)
    volumes = [part for volume, folder in VOLUMES.items() for part in ("-v", f"{volume}:{folder}")]
    settings = {"SERVER__PORT": port, "SERVER__OPS_PORT": ops_port}
    environment = [part for name, value in settings.items() for part in ("-e", f"GATEWAY__{name}={value}")]
    options = ["--network", "host", *LIMITS, *HARDENED, *volumes, *environment]
    call(*tool, "run", "-d", "--name", NAME, *options, IMAGE)
    wait_for("it becomes ready", lambda: inside(tool, "gateway", "healthcheck", check=False).returncode == 0)


def healthy(tool: list[str]) -> bool:
    """What the image's HEALTHCHECK says. docker asks it by a timer of its own; podman's needs systemd, so we ask."""
    if tool == ["podman"]:
        return call(*tool, "healthcheck", "run", NAME, check=False).returncode == 0
    return call(*tool, "inspect", "-f", "{{.State.Health.Status}}", NAME).stdout.strip() == "healthy"


def inside(tool: list[str], *command: str, check: bool = True) -> subprocess.CompletedProcess:
    """A command within the running container."""
    return call(*tool, "exec", NAME, *command, check=check)


def ask(url: str, key: str, body: dict | None = None) -> dict:
    """What the HTTP API answers."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode() if body else None, headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def holds(what: str, true: bool) -> None:
    """Say it, or end here."""
    print(f"  {what}: {'yes' if true else 'NO'}", flush=True)
    if not true:
        sys.exit(1)


def wait_for(what: str, true, seconds: float = 60.0) -> None:
    """Until it holds, or end here with what the container said."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            said = call(*container_tool(), "logs", NAME, check=False)
            sys.stderr.writelines(line for line in (said.stdout + said.stderr).splitlines(True) if '"info"' not in line)
            holds(what, False)
        time.sleep(0.2)
    holds(what, True)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()
