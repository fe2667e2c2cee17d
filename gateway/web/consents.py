"""What guests agreed to: the words, asking for it, recorded, as it stood at any time, when it ends, and receipts."""

from gateway.errors import Blocked, Conflict, NotFound
from gateway.overload import Importance
from gateway.privacy.forms import (
    AskAnswer,
    AskFirstAnswer,
    AskFirstOrder,
    AskOrder,
    ConsentAnswer,
    ConsentOrder,
    ConsentQuery,
    EndingList,
    EndingQuery,
    Receipt,
    WordingList,
    WordingOrder,
    WordingQuery,
    WordingView,
)
from gateway.record.receipts import ReceiptCheck
from gateway.views import ConsentState
from gateway.web import body
from gateway.web.door import Call
from gateway.web.routes import Routes

routes = Routes()
LARGEST_RECEIPT = 1 << 16


@routes.post("/compliance/consent", scope="consent", takes=ConsentOrder, gives=ConsentAnswer, status=201,
             importance=Importance.FIRST)  # fmt: skip
async def record(call: Call) -> ConsentAnswer:
    """Record what a guest agreed to, or took back."""
    return await call.parts.consents.record(call.order, call.caller)


@routes.get("/compliance/consent", scope="consent", gives=ConsentState, query=ConsentQuery, raises=(NotFound,))
async def state(call: Call) -> ConsentState:
    """What a guest has agreed to, now or at any past time."""
    return await call.parts.consents.state(call.query, call.caller)


@routes.post("/compliance/consent/ask", scope="consent", takes=AskOrder, gives=AskAnswer, status=202,
             raises=(Blocked, Conflict))  # fmt: skip
async def ask(call: Call) -> AskAnswer:
    """Have a guest confirm by mail what they asked for: a double opt-in. Nothing is agreed to before they do."""
    return await call.parts.asks.ask(call.order, call.caller)


@routes.post("/compliance/consent/ask-first", scope="consent", takes=AskFirstOrder, gives=AskFirstAnswer,
             raises=(Conflict,))  # fmt: skip
async def ask_first(call: Call) -> AskFirstAnswer:
    """Ask guests whose address somebody else gave for a yes of their own: each once, where the law lets one ask."""
    return await call.parts.first_asks.ask(call.order, call.caller)


@routes.get("/compliance/consent/expiring", scope="consent", gives=EndingList, query=EndingQuery)
async def expiring(call: Call) -> EndingList:
    """Consents that are about to end by themselves, and by which rule."""
    return await call.parts.endings.many(call.query)


@routes.get("/compliance/consent/{id}/receipt", scope="consent", gives=Receipt)
async def receipt(call: Call) -> Receipt:
    """What a guest agreed to, signed, to be kept."""
    return call.parts.receipts.one(call.match("id"))


@routes.post("/compliance/consent/receipt/check", scope=None, takes=(Receipt,), gives=ReceiptCheck)
async def check_receipt(call: Call) -> ReceiptCheck:
    """Whether a receipt is genuine and on record. Open to whoever holds one; it says nothing else of its guest."""
    raw = await body.read(call.request, LARGEST_RECEIPT)
    body.check_type(call.request)
    body.decode(raw, Receipt)
    return await call.gateway.receipt_checks.check(body.parse(raw))


# -- words ------------------------------------------------------------------------------------------------------------


@routes.get("/compliance/wordings", scope="consent", gives=WordingList, query=WordingQuery)
async def wordings(call: Call) -> WordingList:
    """The words that guests agree to, newest first."""
    return await call.parts.wordings.many(call.query)


@routes.post("/compliance/wordings", scope="consent", takes=WordingOrder, gives=WordingView, status=201,
             raises=(Conflict,))  # fmt: skip
async def keep(call: Call) -> WordingView:
    """Keep the words of a consent, for good: a consent that names their version can show them."""
    return await call.parts.wordings.add(call.order, call.caller)


@routes.get("/compliance/wordings/{id}", scope="consent", gives=WordingView)
async def wording(call: Call) -> WordingView:
    """One wording."""
    return call.parts.wordings.one(call.match("id"))
