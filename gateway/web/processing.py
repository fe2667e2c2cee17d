"""The record of processing activities: what the law wants written down of what is done with guests' data."""

from gateway.privacy.processing import ProcessingRecord
from gateway.web.door import Call
from gateway.web.routes import Routes

routes = Routes()


@routes.get("/compliance/record", scope="privacy", gives=ProcessingRecord)
async def show(call: Call) -> ProcessingRecord:
    """The record, made now from config.toml and what the program does."""
    return await call.parts.processing.record()
