"""Takes connections. uvloop accepts one per turn of its loop, which starves a thousand clients; this takes them all."""

import asyncio
import errno
import resource
import socket
from collections.abc import Callable

from aiohttp import web

from gateway import metrics
from gateway.errors import PortInUse

A_TURN = 256
KEPT_BACK = 256
MOST = 12_000


def most_connections() -> int:
    """How many clients may be connected: below the limit of open files, so that health checks and the store never
    lack one."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(64, min(MOST, soft - KEPT_BACK))


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises PortInUse."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise PortInUse(
                f"port {port} is in use or not allowed", "stop the other program or set server.port"
            ) from None
        raise PortInUse(f"cannot listen on {host}", "set server.host to an address of this machine") from None
    listening.listen(4096)
    listening.setblocking(False)
    return listening


class Listener:
    """Accepts for a server until it is closed. One log line a second at most when clients have to be turned away."""

    def __init__(
        self,
        listening: socket.socket,
        server: web.Server,
        protocol: Callable[[], asyncio.Protocol],
        full: Callable[[], None],
    ):
        self.socket, self._server, self._protocol, self._full = listening, server, protocol, full
        self._loop = asyncio.get_running_loop()
        self._most = most_connections()
        self._joining: set[asyncio.Task] = set()
        self._told = 0.0
        self._loop.add_reader(listening.fileno(), self._accept)

    def _accept(self) -> None:
        for _ in range(A_TURN):
            try:
                client, _ = self.socket.accept()
            except (BlockingIOError, InterruptedError):
                break
            except OSError:  # no file descriptor left: the next turn tries again
                self._tell()
                break
            if len(self._server.connections) + len(self._joining) >= self._most:
                client.close()
                self._tell()
                continue
            client.setblocking(False)
            task = self._loop.create_task(self._join(client))
            self._joining.add(task)
            task.add_done_callback(self._joining.discard)
        metrics.CONNECTIONS.set(len(self._server.connections))

    async def _join(self, client: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, client)
        except OSError:
            client.close()

    def _tell(self) -> None:
        if self._loop.time() - self._told >= 1:
            self._told = self._loop.time()
            self._full()

    def close(self) -> None:
        """Take no more."""
        self._loop.remove_reader(self.socket.fileno())
        self.socket.close()
