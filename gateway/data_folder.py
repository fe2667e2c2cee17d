"""The folder everything lives in: who holds it, and whether its file system keeps promises."""

import fcntl
import os
from pathlib import Path

from gateway.errors import DataFolderBusy, NoWritableDisk

NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "fuse.s3fs", "fuseblk", "afs", "ceph"}
FLEETING = {"tmpfs", "overlay", "ramfs"}


class DataFolder:
    """`DATA`: the store, the socket, secrets, and, unless told otherwise, the keys."""

    def __init__(self, path: Path, keys: Path | None = None, key_file: Path | None = None):
        self.path = path
        self.keys = keys or path / "keys"
        self.key_file = key_file or self.keys / "master.key"
        self._lock: int | None = None

    @classmethod
    def from_environment(cls, environ: dict[str, str], path: str | None = None) -> "DataFolder":
        """As GATEWAY_DATA, GATEWAY_KEYS and GATEWAY_KEY_FILE say; `./data` by default."""
        keys, key_file = environ.get("GATEWAY_KEYS"), environ.get("GATEWAY_KEY_FILE")
        return cls(
            Path(path or environ.get("GATEWAY_DATA") or "data"),
            Path(keys) if keys else None,
            Path(key_file) if key_file else None,
        )

    @property
    def database(self) -> Path:
        return self.path / "gateway.db"

    @property
    def socket(self) -> Path:
        return self.path / "gateway.sock"

    @property
    def setup_code(self) -> Path:
        return self.path / "setup-code"

    def make(self) -> None:
        """Create the folder (0700) and see that it can be written. Raises NoWritableDisk."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            probe = self.path / ".probe"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise NoWritableDisk(
                f"the data folder cannot be written ({error.strerror})", "check its owner and the disk"
            ) from None

    def lock(self) -> None:
        """Take the folder for this process until it ends. Raises DataFolderBusy."""
        handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise DataFolderBusy(
                "another gateway is running on this data folder", "stop it, or name another folder"
            ) from None
        self._lock = handle

    def unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def check_file_system(self, allow_network: bool) -> str | None:
        """Refuse file systems that lose what was acknowledged. Returns the name of one that only lasts a while."""
        kind = file_system(self.path)
        if kind in NETWORK and not allow_network:
            raise NoWritableDisk(
                f"the data folder is on a network file system ({kind})",
                "use a local disk, or set store.allow_network_fs",
            )
        return kind if kind in FLEETING else None


def file_system(path: Path) -> str:
    """The type of the file system a path is on, "" where it cannot be told."""
    try:
        mounts = Path("/proc/mounts").read_text().splitlines()
    except OSError:
        return ""
    real = os.path.realpath(path)
    best = ("", "")
    for line in mounts:
        _, point, kind, *_ = line.split(" ")
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best[0]):
            best = (point, kind)
    return best[1]
