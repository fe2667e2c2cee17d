"""A ZIP that is sent while it is made: nothing of it lies anywhere in the meantime."""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

Member = tuple[str, Callable[[], AsyncIterator[bytes]]]
"""The name of a file in it, and what yields its pieces."""


class Pipe(io.RawIOBase):
    """What the ZIP is written to; `taken` gives what has come since."""

    def __init__(self):
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """What was written since it was last asked for."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


async def zipped(members: AsyncIterator[Member], now: int) -> AsyncIterator[bytes]:
    """The archive, piece by piece; compressed off the loop. `now` (ms) is what the files are dated."""
    pipe = Pipe()
    dated = datetime.fromtimestamp(now / 1000, UTC).timetuple()[:6]
    archive = zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED)
    async for name, pieces in members:
        about = zipfile.ZipInfo(name, dated)
        about.compress_type, about.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
        with archive.open(about, "w") as file:
            async for piece in pieces():
                await asyncio.to_thread(file.write, piece)
                yield pipe.taken()
    archive.close()
    yield pipe.taken()
