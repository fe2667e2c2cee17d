"""What a channel may use of the gateway: a clock, its secrets, a folder of its own."""

from pathlib import Path

from gateway.clock import Clock
from gateway.config import read_secret

STATUS_KINDS = {401: "auth", 403: "auth", 407: "auth", 408: "transient", 425: "transient", 429: "throttled"}


class ProviderTools:
    """The tools handed to one provider's channel."""

    def __init__(self, provider: str, channel: str, connections: int, clock: Clock, data: Path):
        self.provider, self.channel, self.connections, self.clock = provider, channel, connections, clock
        self._data = data

    def secret(self, file: str) -> str:
        """The content of a secret file, without the trailing newline."""
        return read_secret(Path(file))

    def folder(self) -> Path:
        """A folder of its own in the data folder (0700)."""
        path = self._data / "channels" / self.provider
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path

    def kind_of_status(self, status: int) -> str:
        """The kind of failure an HTTP status stands for."""
        if status >= 500:
            return "transient"
        return STATUS_KINDS.get(status, "rejected")
