"""Tables that are sent (text/csv): read whole."""

from gateway import sheet
from gateway.errors import WrongMediaType
from gateway.web import body
from gateway.web.door import Call


async def read(call: Call) -> tuple[bytes, str | None]:
    """A table that was sent, and the charset its sender says it is in. Raises as `body.read` does, and WrongMediaType
    unless it calls itself text/csv."""
    if call.request.content_type != "text/csv":
        raise WrongMediaType("The body must be text/csv.")
    return await body.read(call.request, sheet.LARGEST), call.request.charset
