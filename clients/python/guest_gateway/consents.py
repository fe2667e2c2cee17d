"""Consents besides recording them: the words, asking for a yes, what is about to end, and receipts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from guest_gateway.doors import LARGE, Asked, L, Resource, ask, listed, members
from guest_gateway.orders import Channel, Whom

Via = Literal["email", "sms"]


class Wording(Struct, frozen=True):
    """Words that guests agree to, in one language. They never change: other words are another version."""

    id: str
    version: str
    language: str
    channels: list[str]
    categories: list[str]
    text: str
    created_at: datetime


class Asking(Struct, frozen=True):
    """A question that is on its way to a guest. Nothing has been agreed to before he presses the link."""

    id: str
    status: str
    message_id: str
    expires_at: datetime


class AskedFirst(Struct, frozen=True):
    """What became of guests who were to be asked; `refused_by` names the rules, `left_out` why others were not."""

    asked: int
    refused: int
    refused_by: list[dict[str, Any]]
    left_out: list[dict[str, Any]]
    rejected_total: int
    rejected: list[dict[str, Any]]


class Ending(Struct, frozen=True):
    """A consent that is about to end, and by which rule."""

    id: str
    guest_id: str
    kind: str
    channels: list[str]
    categories: list[str]
    ends_at: datetime
    rule: str
    citation: str


class ReceiptCheck(Struct, frozen=True):
    """Whether a receipt was signed there, and the ledger and the audit log have what it speaks of; with the proof."""

    genuine: bool
    recorded: bool
    logged: bool
    proof: dict[str, Any] | None = None


class Receipt(Struct, frozen=True, kw_only=True):
    """What a guest agreed to, signed. Keep what came, byte for byte, if it is to be checked later."""

    receipt: str
    id: str
    guest_id: str
    venue: dict[str, str]
    action: str
    kind: str
    channels: list[str]
    categories: list[str]
    source: str | None
    wording: dict[str, Any] | None
    granted_at: datetime | None
    confirmed_at: datetime | None
    expires_at: datetime | None
    withdrawn_at: datetime | None
    recorded_at: datetime
    issued_at: datetime
    page: str | None
    key: str
    signature: str


class Consents(Resource[L]):
    """What guests are asked and agree to. To record what one has said already is `compliance.consent`."""

    @ask("POST", "compliance/consent/ask", Asking)
    def ask_to_confirm(
        self,
        guest: Whom,
        *,
        channels: Sequence[Channel] | None = None,
        categories: Sequence[str] | None = None,
        wording_version: str | None = None,
        via: Via | None = None,
        proof_ref: str | None = None,
        sender: str | None = None,
    ) -> Asked:
        """Have a guest confirm by mail what he asked for on a form (double opt-in)."""
        return Asked(
            body=members(
                guest=guest, channels=channels, categories=categories, wording_version=wording_version, via=via,
                proof_ref=proof_ref, sender=sender,
            )
        )  # fmt: skip

    @ask("POST", "compliance/consent/ask-first", AskedFirst, seconds=LARGE)
    def ask_first(
        self,
        guests: Sequence[Whom] | Mapping[str, Any],
        *,
        channels: Sequence[Channel] | None = None,
        categories: Sequence[str] | None = None,
        wording_version: str | None = None,
        via: Via | None = None,
        sender: str | None = None,
        dry_run: bool | None = None,
    ) -> Asked:
        """Ask guests whose address somebody else gave, each once, where the law lets one ask. `guests`: a list, or
        `{"filter": {"tags": […]}}`."""
        return Asked(
            body=members(
                guests=guests, channels=channels, categories=categories, wording_version=wording_version, via=via,
                sender=sender, dry_run=dry_run,
            )
        )  # fmt: skip

    @listed("compliance/consent/expiring", Ending)
    def expiring(self, *, within: str | None = None, limit: int | None = None) -> Asked:
        """Consents that end by themselves within so many days, `30d` if left out."""
        return Asked(query=members(within=within, limit=limit))

    @ask("GET", "compliance/consent/{}/receipt", Receipt)
    def receipt(self, id: str) -> Asked:
        """The receipt of a consent."""
        return Asked((id,))

    @ask("POST", "compliance/consent/receipt/check", ReceiptCheck)
    def check_receipt(self, receipt: Mapping[str, Any]) -> Asked:
        """Whether a receipt, as it came, is genuine and on record. Needs no key."""
        return Asked(body=dict(receipt))

    @ask("POST", "compliance/wordings", Wording)
    def keep_wording(
        self,
        version: str,
        language: str,
        text: str,
        *,
        channels: Sequence[Channel] | None = None,
        categories: Sequence[str] | None = None,
    ) -> Asked:
        """Keep the words of a consent for good."""
        return Asked(
            body=members(version=version, language=language, text=text, channels=channels, categories=categories)
        )

    @listed("compliance/wordings", Wording)
    def wordings(self, *, version: str | None = None, limit: int | None = None) -> Asked:
        """The words that guests agree to, newest first."""
        return Asked(query=members(version=version, limit=limit))

    @ask("GET", "compliance/wordings/{}", Wording)
    def wording(self, id: str) -> Asked:
        """One wording."""
        return Asked((id,))
