"""Space kept back on the disk, so that a guest can say stop when it is full."""

import os
from pathlib import Path

from gateway.errors import NoWritableDisk

SLICE = 4 << 20


class Reserve:
    """A file of `size` bytes that is given up slice by slice when the disk is full, and grown again afterwards."""

    def __init__(self, path: Path, size: int):
        self.path, self.size = path, size
        self.touched = False
        """Whether some of it was given up and not yet taken back: until then it is kept for those it is meant for."""

    def fill(self) -> bool:
        """Take the space back, but never more than half of what the disk has left. True when the reserve is whole."""
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise NoWritableDisk("the data folder cannot be written", "check its owner and the disk") from error
        try:
            have, disk = os.fstat(handle).st_size, os.fstatvfs(handle)
            wanted = min(self.size, have + disk.f_bavail * disk.f_frsize // 2)
            if wanted > have:
                os.posix_fallocate(handle, 0, wanted)
            self.touched = self.touched and wanted < self.size
            return wanted == self.size
        except OSError:
            return False
        finally:
            os.close(handle)

    def release(self) -> bool:
        """Give one slice of it to the store. False when there is nothing left."""
        try:
            left = self.path.stat().st_size
        except FileNotFoundError:
            return False
        if left == 0:
            return False
        os.truncate(self.path, max(0, left - SLICE))
        self.touched = True
        return True
