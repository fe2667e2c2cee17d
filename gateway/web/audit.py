"""The record: who did what, the newest checkpoint, proofs; at the socket also fresh checkpoints and reports."""

from typing import Literal

from aiohttp import web
from msgspec import Struct

from gateway.errors import Conflict, NotFound
from gateway.ledger import AuditProof
from gateway.ledger.checkpoint import CheckpointView
from gateway.record.entries import AuditList, AuditQuery, many
from gateway.record.period import period
from gateway.record.proofs import ProofOrder
from gateway.web.door import Call
from gateway.web.download import TABLE, give
from gateway.web.routes import Media, Routes

routes = Routes()
local = Routes("/local")


class ReportQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which days a report is about, and in which form it is wanted."""

    period: str
    format: Literal["json", "csv"] = "json"


@routes.get("/audit", scope="audit", gives=AuditList, query=AuditQuery)
async def list_(call: Call) -> AuditList:
    """Who did what, newest first, narrowed by the query."""
    return await many(call.gateway.db, call.query)


@routes.get("/audit/checkpoint", scope="audit", gives=CheckpointView, raises=(NotFound,))
async def newest(call: Call) -> CheckpointView:
    """The newest checkpoint: keep it, and later nobody can deny how the record stood."""
    found = await call.gateway.record.newest()
    if found is None:
        raise NotFound("The record is still empty.")
    return found.view


@routes.post("/audit/proof", scope="audit", takes=ProofOrder, gives=AuditProof, raises=(Conflict,))
async def prove(call: Call) -> AuditProof:
    """Prove that an entry is in the record, or that all that a checkpoint vouched for still is."""
    return await call.gateway.proofs.prove(call.order)


@local.post("/audit/checkpoint", scope="audit")
async def checkpoint(call: Call) -> dict[str, str | None]:
    """Sign how the audit log stands now."""
    note = await call.gateway.record.checkpoint()
    return {"checkpoint": note.decode() if note else None}


@local.get("/audit/report", scope="audit", gives=Media("application/json"), query=ReportQuery)
async def report(call: Call) -> web.StreamResponse:
    """Every privileged act of a period, with its proof; or as a table."""
    reports, zone = call.gateway.reports, call.parts.config.venue.timezone
    wanted = period(call.query.period, zone)
    if call.query.format == "csv":
        return await give(call, await reports.as_csv(wanted, call.caller), TABLE, "audit.csv")
    return await give(call, await reports.as_json(wanted, zone, call.caller), "application/json", "audit.json")
