"""Secrets stay out of config.toml: it names files or variables that hold them."""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from gateway.errors import NotUsable

SECRET = re.compile(r"(.+_)?(password|passwd|passphrase|secret|token|api_?key|private_key|credentials?)")
LARGEST = 65_536


def is_secret(key: str) -> bool:
    """Whether a key of this name would hold a secret itself."""
    return SECRET.fullmatch(key.casefold()) is not None


def names_secret(key: str) -> bool:
    """Whether a key of this name names the file of a secret."""
    return key.endswith("_file") and is_secret(key.removesuffix("_file"))


def read_secret(file: Path | None = None, *, env: str = "", environ: Mapping[str, str] = os.environ) -> str:
    """The secret in a file, or in the variable `env`, without the newline at its end. Raises NotUsable."""
    if file is None:
        secret = environ.get(env, "")
        missing = f"the variable {env} is not set", "set it to the secret"
    else:
        secret = _content(file)
        missing = f"the secret file {file.name} is empty", "write the secret into it"
    secret = secret.removesuffix("\n").removesuffix("\r")
    if not secret:
        raise NotUsable(*missing)
    return secret


def _content(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST + 1)
    except (OSError, ValueError) as error:  # a path with a zero byte in it
        why = getattr(error, "strerror", None) or "no such path"
        raise NotUsable(f"the secret file {file.name} cannot be read ({why})", "check its path and owner") from None
    if len(data) > LARGEST or b"\0" in data:
        raise NotUsable(f"the secret file {file.name} holds no secret", "it must be text of at most 64 KiB")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise NotUsable(f"the secret file {file.name} is not UTF-8", "save it as UTF-8") from None


def world_readable(file: Path) -> bool:
    """Whether everybody on this machine may read the file; False where there is none."""
    try:
        return bool(file.stat().st_mode & stat.S_IROTH)
    except (OSError, ValueError):
        return False
