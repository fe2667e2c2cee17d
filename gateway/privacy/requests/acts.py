"""What is done with a request: proven, paused, extended, refused, done, taken back. Whatever is not its state's is a
Conflict, and nothing is done."""

from collections.abc import Callable

from gateway import ids
from gateway.callers import Caller
from gateway.errors import Conflict, Fault, Invalid
from gateway.guestbook.entries import Entries
from gateway.privacy.requests.clocks import STOP_FOR_QUESTIONS, Clocks
from gateway.privacy.requests.erasing import Erasing
from gateway.privacy.requests.forms import (
    CancelOrder,
    CompleteOrder,
    ExtendOrder,
    PauseOrder,
    RedactOrder,
    RefuseOrder,
    VerifyOrder,
)
from gateway.privacy.requests.proofs import MOST_SENT, TRIES, Purpose
from gateway.privacy.requests.rectification import Rectification
from gateway.privacy.requests.turn import Act, Office, Turn
from gateway.store import data_requests
from gateway.store.data_requests import Request

PERSON = Caller("guest", b"guest", frozenset())
"""Who acts through a link that went to the guest."""
COPIES = ("access", "portability")
LETTER_OF = {"rectification": "corrected", "restriction": "restricted", "objection": "objected"}
NOT_RIGHT = "This code is not right, or no longer."


class Acts:
    """Acts on requests. All raise NotFound."""

    def __init__(
        self, office: Office, clocks: Clocks, entries: Entries, rectification: Rectification, erasing: Erasing
    ):
        self._office, self._clocks = office, clocks
        self._entries, self._rectification, self._erasing = entries, rectification, erasing

    # -- who asks -----------------------------------------------------------------------------------------------------

    async def verify(self, public: str, order: VerifyOrder, caller: Caller) -> Request:
        """Take a code, or the word of staff; or send a new code. Raises Invalid for a code that is not right."""
        request = self._office.find(public)
        if order.method == "send":
            await self._send(request, caller)
        elif order.method == "staff":
            if order.note is None:
                raise Invalid(faults=[Fault("/note", "missing", "how it was made sure who asks")])
            await self._office.act(request, caller, lambda turn: self._vouch(turn, order.note or ""))
        else:
            await self.by_code(request, order.code or "", "verify", caller)
        return request

    def _vouch(self, turn: Turn, note: str) -> None:
        turn.need("verifying")
        self.prove(turn, "staff", note)

    async def by_code(self, request: Request, code: str, purpose: Purpose, caller: Caller) -> None:
        """Take a code, which is used up with that. Raises Invalid for one that is not right, which counts as a try."""

        def act(turn: Turn) -> bool:
            kept = data_requests.proof(turn.tx.connection, turn.request.id)
            if not self._office.proofs.right(turn.request, kept, purpose, code):
                if kept is not None and kept.tries < TRIES:
                    data_requests.tried(turn.tx, turn.request.id)
                    turn.note("code_wrong")
                return False
            if purpose == "verify":
                turn.need("verifying")
                self.prove(turn, "link" if turn.caller is PERSON else "code")
            data_requests.used(turn.tx, turn.request.id)
            return True

        if not await self._office.act(request, caller, act):
            raise Invalid(faults=[Fault("/code", "wrong-code", NOT_RIGHT)])

    async def _send(self, request: Request, caller: Caller) -> None:
        """Send a new code: for the proof that is waited for, or for a copy that lies ready."""
        copy = request.kind in COPIES and request.status == "done"
        await self._office.act(request, caller, lambda turn: self._send_for(turn, "copy" if copy else "verify"))

    def _send_for(self, turn: Turn, purpose: Purpose) -> None:
        turn.need("done" if purpose == "copy" else "verifying")
        if not self.ask(turn, purpose):
            raise Conflict("No address is known that is the guest's alone: verify it is him in another way.")
        if turn.request.paused_at is None and purpose == "verify":
            turn.change(paused_at=turn.tx.now)

    def ask(self, turn: Turn, purpose: Purpose) -> bool:
        """Send a code, if there is a way; whether there is. Raises Conflict for one too many."""
        way, proofs = turn.way, self._office.proofs
        if way is None or not way.alone:
            return False
        kept = data_requests.proof(turn.tx.connection, turn.request.id)
        sent = kept.sent if kept and kept.purpose == purpose else 0
        if sent >= MOST_SENT:
            raise Conflict(f"{MOST_SENT} codes were sent already.")
        turn.ask(purpose, proofs.draw(turn.request.uuid, purpose, way.channel, way.blind, sent))
        return True

    def prove(self, turn: Turn, by: str, note: str | None = None) -> None:
        """It is him: the clock goes on, and what may not wait happens now."""
        request, now = turn.request, turn.tx.now
        pauses = [*request.pauses, *([(request.paused_at, now)] if request.paused_at is not None else [])]
        self._wind(turn, pauses)
        turn.change(status="open", verified_at=now, verified_by=by)
        data_requests.used(turn.tx, request.id)
        turn.note("verified", note)
        if not request.known:
            return
        if request.kind == "erasure":
            self._begin_grace(turn)
        elif request.kind == "restriction":
            turn.mark()

    def _begin_grace(self, turn: Turn) -> None:
        """Nothing is sent any more; the guest has some days to think better of it (ERA-1)."""
        erase_at = self._clocks.erase_at(turn.tx.now, turn.request.due_at)
        turn.mark()
        turn.change(status="grace", erase_at=erase_at)
        if turn.way is not None:
            notices, way = self._office.notices, turn.way
            undo = self._office.proofs.undo(turn.request.uuid, way.blind)
            turn.tell("grace", day=notices.day(notices.speaks(way), erase_at), undo=undo)

    # -- the clock ----------------------------------------------------------------------------------------------------

    def _wind(self, turn: Turn, pauses: list[tuple[int, int]]) -> None:
        """Let the clock go on after these pauses."""
        due = self._clocks.again(turn.request, pauses)
        assert due.due_date is not None  # noqa: S101 requests are answered by a day
        turn.change(pauses=pauses, paused_at=None, due_date=due.due_date.isoformat(), due_at=due.ends_at,
                    reasons=due.reasons)  # fmt: skip

    async def pause(self, public: str, order: PauseOrder, caller: Caller) -> Request:
        """Stop the clock while the guest is asked which data he means; only where the law does (DSR-3)."""

        def act(turn: Turn) -> None:
            turn.need("open")
            if turn.request.jurisdiction != STOP_FOR_QUESTIONS:
                raise Conflict("The law this request is under lets the clock run on.")
            if turn.request.paused_at is not None:
                raise Conflict("The clock stands still already.")
            turn.change(paused_at=turn.tx.now)
            turn.note("paused", order.note)

        return await self._on(public, caller, act)

    async def resume(self, public: str, caller: Caller) -> Request:
        """The guest has answered: the clock goes on."""

        def act(turn: Turn) -> None:
            turn.need("open")
            if turn.request.paused_at is None:
                raise Conflict("The clock runs.")
            self._wind(turn, [*turn.request.pauses, (turn.request.paused_at, turn.tx.now)])
            turn.note("resumed")

        return await self._on(public, caller, act)

    async def extend(self, public: str, order: ExtendOrder, caller: Caller) -> Request:
        """Take the time the law gives for a hard case, and tell the guest so and why (DSR-4). Raises Invalid where he
        cannot be written to and nobody noted how he was told."""

        def act(turn: Turn) -> None:
            turn.need("open", "verifying")
            if turn.way is None and order.note is None:
                raise Invalid(faults=[Fault("/note", "missing", "how the guest was told: no message reaches him")])
            due = self._clocks.extended(turn.request, turn.tx.now)
            assert due.due_date is not None  # noqa: S101 requests are answered by a day
            turn.change(extended_at=turn.tx.now, due_date=due.due_date.isoformat(), due_at=due.ends_at,
                        reasons=due.reasons, reminded=None)  # fmt: skip
            told = self._tell_why(turn, "extended", f"request_delays.{order.reason}")
            turn.note("extended", order.note, reason=order.reason, until=due.due_date.isoformat(), **told)

        return await self._on(public, caller, act)

    # -- the end ------------------------------------------------------------------------------------------------------

    async def refuse(self, public: str, order: RefuseOrder, caller: Caller) -> Request:
        """Say no, with the reason, and where the guest may complain (GDPR art. 12(4))."""

        def act(turn: Turn) -> None:
            turn.need("verifying", "open", "grace")
            turn.unmark()
            told = self._tell_why(turn, "refused", f"request_refusals.{order.reason}")
            turn.note("refused", order.note, reason=order.reason, **told)
            turn.close("refused", refusal=order.reason)

        return await self._on(public, caller, act)

    async def cancel(self, public: str, order: CancelOrder, caller: Caller) -> Request:
        """The guest takes it back. An erasure that waits is off; a restriction that was made is lifted, and he is told
        before (GDPR art. 18(3))."""

        def act(turn: Turn) -> None:
            lifting = turn.request.kind == "restriction" and turn.request.guest_was is not None
            turn.need("verifying", "open", "grace", *(["done"] if lifting else []))
            waited = turn.request.status == "grace"
            turn.unmark()
            letter = "kept" if waited else "unrestricted" if lifting else "withdrawn"
            told = turn.tell(letter) if turn.request.verified_at else None
            turn.note("cancelled", order.note, **({"message": told} if told else {}))
            turn.close("cancelled", erase_at=None)

        return await self._on(public, caller, act)

    async def redact(self, public: str, order: RedactOrder, caller: Caller) -> Request:
        """Keep words that are to be taken out of the copy, because they are about somebody else (DSR-6)."""

        def act(turn: Turn) -> None:
            if turn.request.kind not in COPIES:
                raise Conflict("Only a request for a copy has one.")
            turn.need("verifying", "open", "done")
            turn.note("redacted", "\n".join(" ".join(word.split()) for word in order.words))

        return await self._on(public, caller, act)

    async def complete(self, public: str, order: CompleteOrder, caller: Caller) -> Request:
        """It is done: the copy can be fetched, the data is right, and so on; the guest is told."""
        request = self._office.find(public)
        if order.now and request.kind == "erasure":
            await self._erasing.erase(request, caller, order.note)
            return request
        if order.changes is not None and (request.kind != "rectification" or request.guest_uuid is None):
            raise Invalid(faults=[Fault("/changes", "not-here", "left out: only a rectification changes a guest")])
        settle = await self._correcting(request, order, caller)

        def act(turn: Turn) -> None:
            if turn.request.kind == "erasure" and turn.request.known:
                raise Conflict("It is done when the days of grace are over, or with `now`.")
            turn.need("open")
            settle(turn)
            letter = LETTER_OF.get(turn.request.kind)
            told = turn.tell(letter) if letter else None
            turn.note("completed", order.note, **({"message": told} if told else {}))
            turn.close("done")
            if turn.request.kind in COPIES and turn.request.known:
                self.ask(turn, "copy")

        await self._office.act(request, caller, act)
        return request

    async def _correcting(self, request: Request, order: CompleteOrder, caller: Caller) -> Callable[[Turn], None]:
        """What puts a guest right in the transaction of the completion."""
        if order.changes is None or request.guest_uuid is None:
            return lambda turn: None
        edit = self._entries.editing(ids.public("gst", request.guest_uuid), order.changes, None, caller)
        stale = await self._rectification.outdated(request, order.changes)

        def settle(turn: Turn) -> None:
            edit(turn.tx)
            self._rectification.hold(turn.tx, stale, caller)

        return settle

    async def _on(self, public: str, caller: Caller, act: Act) -> Request:
        request = self._office.find(public)
        await self._office.act(request, caller, act)
        return request

    def _tell_why(self, turn: Turn, letter: str, phrase: str) -> dict[str, str]:
        if turn.way is None:
            return {}
        message = turn.tell(letter, reason=self._office.notices.speaks(turn.way).say(phrase))
        return {"message": message} if message else {}
