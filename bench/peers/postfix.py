"""Postfix: an instance of its own on loopback that relays everything, set up as its tuning guide says."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.servers import free_port

SESSIONS = 20
"""Connections that hand it mail, and its own that pass it on: its default for one destination. 8, 32 and 64 were no
faster."""
MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
myhostname = relay.quinta.example
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
relayhost = [127.0.0.1]:{sink}
smtpd_tls_security_level = none
smtp_tls_security_level = none

# No brakes: every limit that would hold mail back is off or out of reach.
in_flow_delay = 0
smtpd_client_connection_count_limit = 0
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
initial_destination_concurrency = {sessions}
default_destination_concurrency_limit = {sessions}
smtp_connection_cache_destinations = [127.0.0.1]:{sink}
"""
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup  unix n - n 60  1 pickup
cleanup unix n - n -   0 cleanup
qmgr    unix n - n 300 1 qmgr
rewrite unix - - n -   - trivial-rewrite
bounce  unix - - n -   0 bounce
defer   unix - - n -   0 bounce
trace   unix - - n -   0 bounce
smtp    unix - - n -   - smtp
relay   unix - - n -   - smtp
error   unix - - n -   - error
retry   unix - - n -   - error
anvil   unix - - n -   1 anvil
scache  unix - - n -   1 scache
proxymap unix - - n -  - proxymap
showq   unix n - n -   - showq
flush   unix n - n 1000? 0 flush
postlog unix-dgram n - n - 1 postlogd
"""


@contextlib.contextmanager
def at_work(sink: int, text: str) -> Iterator[Callable[[int], None]]:
    """The relay at work; what is yielded hands it so many mails over SMTP, each answered 250 after its fsync."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder, port = Path(name), free_port()
        lay_out(folder, port, sink)
        command(folder, "start")
        try:
            yield lambda mails: source(port, mails, len(text))
        finally:
            command(folder, "stop")


def installed() -> None:
    """End with what is missing, if something is."""
    if os.geteuid() != 0 or not all(shutil.which(program) for program in ("postfix", "smtp-source", "smtp-sink")):
        raise SystemExit("peers: needs root and Postfix: `apt-get install --no-install-recommends postfix`")


def lay_out(folder: Path, port: int, sink: int) -> None:
    """Its configuration, queue and data folders; its daemons are not root, and must be able to walk in."""
    folder.chmod(0o755)
    for name in ("config", "queue", "data"):
        (folder / name).mkdir()
    shutil.chown(folder / "data", "postfix")
    (folder / "config" / "main.cf").write_text(MAIN.format(folder=folder, sink=sink, sessions=SESSIONS))
    (folder / "config" / "master.cf").write_text(MASTER.format(port=port))


def command(folder: Path, word: str) -> None:
    """Tell it to start or stop, on core 0: what it starts stays there."""
    subprocess.run(["taskset", "-c", "0", "postfix", "-c", folder / "config", word], check=True, stdout=sys.stderr)


def source(port: int, mails: int, length: int) -> None:
    """Postfix's own generator of load, on core 1; connections are kept, as those of our load over HTTP are."""
    subprocess.run(
        ["taskset", "-c", "1", "smtp-source", "-d", "-N", "-s", str(SESSIONS), "-m", str(mails), "-l", str(length),
         "-S", "Your stay", "-f", "hello@quinta.example", "-t", "guest@example.org", f"127.0.0.1:{port}"],
        check=True,
    )  # fmt: skip
