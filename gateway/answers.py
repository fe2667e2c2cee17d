"""An answer that was put into bytes before it was stored: so the very same bytes can be given again."""

from msgspec import Struct


class Answer(Struct, frozen=True):
    """What a caller gets: bytes, a status, and headers beyond those every answer has."""

    body: bytes
    status: int
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json"
