"""The programs that are measured: the gateway as `gateway serve` starts it, and what it is held against."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
CONFIG = """
config_version = 1
[server]
port = {port}
ops_port = {ops}
[venue]
name = "Quinta"
country = "PT"
timezone = "Europe/Lisbon"
language = "en"
[sender]
name = "Quinta"
email = "hello@quinta.example"
postal_address = "Rua das Flores 1, 2710 Sintra, Portugal"
contact = "+351 219 000 000"
{provider}
[limits.send]
endpoints = ["messages.send", "messages.template"]
algorithm = "token_bucket"
quota = 100000000
window = "1m"
by = "api_key"
[limits.bulk]
endpoints = ["messages.bulk"]
algorithm = "token_bucket"
quota = 100000000
window = "1m"
by = "api_key"
[limits.check]
endpoints = ["compliance.check"]
algorithm = "token_bucket"
quota = 100000000
window = "1m"
by = "api_key"
[logs]
level = "warning"
"""
OUTBOX = '[providers.main]\nplugin = "outbox"\nchannel = "email"\n'
SMTP = """
[providers.main]
plugin = "smtp"
channel = "email"
host = "127.0.0.1"
port = {port}
tls = "none"
connections = {connections}
"""


def free_port() -> int:
    """A port nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A process under measurement, on the first core."""

    def __init__(self, process: subprocess.Popen, port: int, folder: Path | None = None, key: str = ""):
        self.process, self.port, self.folder, self.key = process, port, folder, key
        self.url = f"http://127.0.0.1:{port}"

    def memory(self, which: str = "VmRSS") -> float:
        """Resident MiB now; with `VmHWM` the most there were since `forget_peak`."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition(f"{which}:")[2].split()[0]) / 1024

    def processor(self) -> float:
        """Seconds of processor time it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def forget_peak(self) -> None:
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def run(command: list[str], slow_disk: bool = False, **environ: str) -> subprocess.Popen:
    """Start a program on core 0, its output on our stderr; with 2 ms added to every fsync when asked."""
    env = dict(os.environ) | environ
    if slow_disk:
        env["LD_PRELOAD"] = str(shim())
    return subprocess.Popen(["taskset", "-c", "0", *command], env=env, stdin=subprocess.DEVNULL, stdout=sys.stderr)


def shim() -> Path:
    """The library that makes every fsync and fdatasync 2 ms slower, compiled once."""
    library = Path(tempfile.gettempdir()) / f"slow-fsync-{os.getuid()}.so"
    if not library.exists():
        source = Path(__file__).parent / "slow_fsync.c"
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"], check=True)
    return library


def wait_for(url: str, seconds: float = 20.0) -> None:
    """Until something answers there."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=1).read()
            return
        time.sleep(0.002)
    raise TimeoutError(url)


@contextlib.contextmanager
def gateway(provider: str = OUTBOX, slow_disk: bool = False, folder: Path | None = None) -> Iterator[Server]:
    """A gateway with its own data folder and a key that may send."""
    made = folder or Path(tempfile.mkdtemp(prefix="bench-"))
    port, ops = free_port(), free_port()
    (made / "config.toml").write_text(CONFIG.format(port=port, ops=ops, provider=provider))
    data = made / "data"
    arguments = ["--config", str(made / "config.toml"), "--data", str(data)]
    command = [str(Path(sys.executable).parent / "gateway")]
    server = Server(run([*command, "serve", *arguments], slow_disk), port, made)
    try:
        wait_for(f"{server.url}/health/ready")
        shown = subprocess.run(
            [*command, "apikey", "create", "--scopes", "all", "--json", *arguments], capture_output=True, check=True
        )
        server.key = json.loads(shown.stdout)["key"]
        yield server
    finally:
        server.stop()
        if folder is None:
            shutil.rmtree(made, ignore_errors=True)


@contextlib.contextmanager
def reference(name: str, slow_disk: bool = False) -> Iterator[Server]:
    """One of the programs in `references.py`."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        server = Server(run([sys.executable, "-m", "bench.references", name, str(port), folder], slow_disk), port)
        try:
            wait_for(f"{server.url}/health/ready")
            yield server
        finally:
            server.stop()
