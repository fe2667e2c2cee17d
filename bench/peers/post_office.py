"""django-post_office: a Django project under gunicorn, and the runner that sends what it queued.

One process with the five threads it comes with, in batches of a hundred: two processes, or batches of a thousand, were
not faster on one core, nor was gunicorn with one thread for each worker.
"""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.load import offer, request
from bench.servers import Server, free_port, run, wait_for

PACKAGES = ("Django==5.2.19", "django-post_office==3.12.0", "gunicorn==27.0.1")
PROJECT = Path(__file__).parent / "project.py"


@contextlib.contextmanager
def at_work(sink: int, text: str) -> Iterator[Callable[[int], None]]:
    """The project at work; what is yielded queues so many mails, each answered once its row is committed."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        binaries, port = installed() / "bin", free_port()
        project = shutil.copy(PROJECT, folder)
        environ = {"BENCH_FOLDER": folder, "BENCH_SINK": str(sink), "PYTHONPATH": folder}
        python = [str(binaries / "python"), project]
        if run([*python, "migrate"], **environ).wait(60):
            raise RuntimeError("the Django project could not be set up")
        serve = [str(binaries / "gunicorn"), "project:application", "--bind", f"127.0.0.1:{port}", "--workers", "2",
                 "--worker-class", "gthread", "--threads", "4", "--log-level", "warning"]  # fmt: skip
        programs = [Server(run(command, **environ), port) for command in (serve, [*python, "deliver"])]
        try:
            wait_for(f"{programs[0].url}/health/ready")
            yield lambda mails: asyncio.run(offer(port, orders(mails, text)))
        finally:
            for program in programs:
                program.stop()


def orders(mails: int, text: str) -> Iterator[bytes]:
    """Requests for so many mails."""
    for number in range(mails):
        yield request("/send", {"to": f"guest{number}@example.org", "subject": "Your stay", "text": text})


def installed() -> Path:
    """A venv of its own, made once and kept among the caches: nothing of it is in our locks."""
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "guest-gateway-bench"
    stamp = folder / "installed"
    if stamp.exists() and stamp.read_text() == repr(PACKAGES):
        return folder
    print(f"installing {', '.join(PACKAGES)} in {folder}", file=sys.stderr)
    venv.create(folder, clear=True, with_pip=True)
    pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet"]
    if subprocess.run([*pip, *PACKAGES], check=False, stdout=sys.stderr).returncode:
        raise SystemExit(f"peers: cannot install {', '.join(PACKAGES)} in {folder}; see pip's message above")
    stamp.write_text(repr(PACKAGES))
    return folder
