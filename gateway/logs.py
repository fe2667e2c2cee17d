"""One line of facts per event: JSON on a pipe, words on a terminal. Only the fields named here can be written at all,
so no address, name, subject or token can end up in a log.
"""

import queue
import sys
import threading
from datetime import UTC, datetime
from typing import Any, TextIO

from msgspec import json

from gateway import metrics

FIELDS = frozenset(
    {"request_id", "route", "method", "code", "dur_ms", "actor", "message_id", "channel", "provider", "attempt",
     "error", "count", "host", "port", "path", "version", "sqlite", "seconds", "key", "plugin"}
)  # fmt: skip
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
WAITING_LINES = 10_000


class Log:
    """Writes lines from a thread of its own: a full or blocked pipe costs lines (counted), never the event loop."""

    def __init__(self, stream: TextIO | None = None, level: str = "info", style: str = "auto"):
        self._stream = stream or sys.stdout
        self._level = LEVELS[level]
        self._words = style == "text" or (style == "auto" and self._stream.isatty())
        self._lines: queue.Queue[str | None] = queue.Queue(WAITING_LINES)
        self.dropped = 0
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def debug(self, event: str, **fields: Any) -> None:
        self._say("debug", event, fields)

    def info(self, event: str, **fields: Any) -> None:
        self._say("info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        self._say("warning", event, fields)

    def error(self, event: str, **fields: Any) -> None:
        self._say("error", event, fields)

    def close(self) -> None:
        """Write what waits and stop, within a second even if nobody reads."""
        self._put(None)
        self._thread.join(timeout=1)

    def _say(self, level: str, event: str, fields: dict[str, Any]) -> None:
        if LEVELS[level] < self._level:
            return
        if not FIELDS.issuperset(fields):
            raise TypeError(f"not a field of the log: {', '.join(sorted(set(fields) - FIELDS))}")
        self._put(self._line(level, event, fields))

    def _put(self, line: str | None) -> None:
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._drop()

    def _line(self, level: str, event: str, fields: dict[str, Any]) -> str:
        at = datetime.now(UTC)
        if self._words:
            details = " ".join(f"{name}={value}" for name, value in fields.items())
            return f"{at:%H:%M:%S} {level:7} {event} {details}\n"
        head = {"ts": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), "level": level, "event": event}
        return json.encode(head | fields).decode() + "\n"

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            self._try(line)
        self._try("")

    def _drop(self) -> None:
        self.dropped += 1
        metrics.LOG_DROPPED.inc()

    def _try(self, line: str) -> None:
        """Write a line. Nothing stays in the stream's own buffer once no more lines wait: the process may just end."""
        try:
            self._stream.write(line)
            if self._lines.empty():
                self._stream.flush()
        except (OSError, ValueError):  # the reader of the pipe is gone, or the disk behind it is full
            self._drop()
