"""The law, and what a guest said about it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, TypedDict, Unpack

from msgspec import Struct

from guest_gateway.doors import Asked, L, Resource, ask, members
from guest_gateway.judgement import Judgement
from guest_gateway.messages import including
from guest_gateway.orders import Channel, Letter, MessageClass, Whom

Action = Literal["grant", "renew", "withdraw"]
Kind = Literal[
    "express_written", "express", "provided_number", "soft_opt_in", "implied_purchase", "implied_inquiry",
    "implied_contract", "implied_published", "inferred", "legitimate_interest",
]  # fmt: skip
Clock = Literal["unsubscribe", "revoke", "access", "access_extended", "breach", "complaint_ack"]
Scope = Literal["global", "channel", "category", "channel_category"]


class Rule(Struct, frozen=True):
    """A rule: what it says when it is not kept, where it stands, and with what numbers it is asked today."""

    rule: str
    text: str
    citation: str
    checked: str | None = None
    pack: str | None = None
    parameters: Any = None
    allowed: str | None = None


class Rulebook(Struct, frozen=True):
    """Every rule."""

    rules_version: str
    items: list[Rule]


class Heard(Struct, frozen=True):
    """What a guest's answer means: opt_out, opt_in, help, hold_review (somebody must read it) or none; the suppression
    to enter where it is a stop, and until when that may be confirmed."""

    action: str
    reasons: list[str]
    suppression: dict[str, Any] | None
    confirmation_until: datetime | None


class Due(Struct, frozen=True):
    """By when: the last day, or the last moment where the law counts hours; and the rules that say so."""

    reasons: list[str]
    due_date: date | None = None
    due_at: datetime | None = None


class Processing(Struct, frozen=True):
    """The record of processing activities; `text` is all of it, to be printed."""

    made_at: datetime
    controller: dict[str, str]
    purposes: list[dict[str, str]]
    categories: list[dict[str, str]]
    recipients: list[dict[str, str | None]]
    transfers: list[dict[str, str | None]]
    retention: list[dict[str, str]]
    security: list[str]
    text: str


class Segments(Struct, frozen=True):
    """How a text travels: its encoding, how many units long, in how many messages."""

    encoding: str
    units: int
    segments: int


class Circumstances(TypedDict, total=False):
    """What a consent rests on, what may make it none, and what proves it; as the manual of the gateway explains it."""

    wording_language: str
    ip: str
    confirmed_at: datetime
    event_at: datetime
    ends_at: datetime
    expires_at: datetime
    last_used_at: datetime
    similar_products: bool
    optout_offered: bool
    ongoing_relationship: bool
    relevant_to_role: bool
    condition_of_purchase: bool
    preticked: bool
    age_at_grant: int
    guardian: bool


class Recorded(Struct, frozen=True):
    """A consent that was written down. `missing`: what it lacks before it counts."""

    id: str
    status: str
    counts: bool
    missing: list[str]


class Consents(Struct, frozen=True):
    """What a guest agrees to at a time; `events` counts all he ever said."""

    guest_id: str
    at: datetime
    consents: list[dict[str, Any]]
    events: int


class Stop(Struct, frozen=True):
    """What a guest gets no more. The same, whether the gateway knew the address or not. `late`: it was entered after
    `due_at`, by when the law wanted it to hold."""

    id: str
    scope: str
    channels: list[str]
    categories: list[str]
    classes: list[str]
    created_at: datetime
    due_at: datetime | None = None
    late: bool = False


class Compliance(Resource[L]):
    """Ask the law, and record what a guest said."""

    @ask("POST", "compliance/check", Judgement, harmless=True)
    def check(self, *, channel: Channel, to: Whom, text: str, **letter: Unpack[Letter]) -> Asked:
        """Whether `messages.send` would be allowed to send this now. Nothing is stored."""
        return Asked(body={"message": members(channel=channel, to=to, text=text, **letter)})

    @ask("POST", "compliance/check", Judgement, harmless=True)
    def suppose(self, given: Mapping[str, Any]) -> Asked:
        """What the law would say if everything were as `given` has it, with its own `now`. Nothing is stored."""
        return Asked(body=given)

    @ask("GET", "compliance/rules", Rulebook)
    def rules(self) -> Asked:
        """Every rule, with its citation."""
        return Asked()

    @ask("GET", "compliance/rules/{}", Rule)
    def rule(self, id: str) -> Asked:
        """One rule."""
        return Asked((id,))

    @ask("POST", "compliance/inbound", Heard, harmless=True)
    def inbound(
        self,
        text: str,
        *,
        channel: Channel,
        now: datetime,
        country: str | None = None,
        open_booking: bool | None = None,
        pending_optin_prompt: bool | None = None,
        policy: Mapping[str, Any] | None = None,
    ) -> Asked:
        """What this answer of a guest means. Nothing is stored."""
        return Asked(
            body=members(
                text=text, channel=channel, now=now, country=country, open_booking=open_booking,
                pending_optin_prompt=pending_optin_prompt, policy=policy,
            )
        )  # fmt: skip

    @ask("POST", "compliance/deadline", Due, harmless=True)
    def deadline(
        self,
        what: Clock,
        *,
        jurisdiction: str,
        received_at: datetime,
        timezone: str,
        country: str | None = None,
        pauses: Sequence[Mapping[str, datetime]] | None = None,
    ) -> Asked:
        """By when it must be done. A pause has `from` and `to`."""
        return Asked(
            body=members(
                what=what, jurisdiction=jurisdiction, received_at=received_at, timezone=timezone, country=country,
                pauses=pauses,
            )
        )  # fmt: skip

    @ask("POST", "compliance/segments", Segments, harmless=True)
    def segments(self, text: str) -> Asked:
        """How many text messages a text becomes."""
        return Asked(body={"text": text})

    @ask("POST", "compliance/consent", Recorded)
    def consent(
        self,
        guest: Whom,
        action: Action = "grant",
        *,
        kind: Kind | None = None,
        channels: Sequence[Channel] | None = None,
        categories: Sequence[str] | None = None,
        source: str | None = None,
        wording_version: str | None = None,
        proof_ref: str | None = None,
        granted_at: datetime | None = None,
        **circumstances: Unpack[Circumstances],
    ) -> Asked:
        """Record that a guest, who is known already, said yes, said it again, or took it back. It is recorded in any
        case; the answer says whether it counts. Left out, it is an express consent to e-mail about everything, now."""
        return Asked(
            body=members(
                guest=guest, action=action, kind=kind, channels=channels, categories=categories, source=source,
                wording_version=wording_version, proof_ref=proof_ref, granted_at=granted_at, **circumstances,
            )
        )  # fmt: skip

    @ask("GET", "compliance/consent", Consents)
    def consents(self, guest: str, *, at: datetime | None = None, content: bool = False) -> Asked:
        """What a guest (by id) agrees to now, or agreed to at a time; with `content` the proof too."""
        return Asked(query={"guest": guest, "at": at} | including(content))

    @ask("POST", "compliance/unsubscribe", Stop, harmless=True)
    def unsubscribe(
        self,
        guest: Whom | None = None,
        *,
        token: str | None = None,
        scope: Scope | None = None,
        channels: Sequence[Channel] | None = None,
        categories: Sequence[str] | None = None,
        classes: Sequence[MessageClass] | None = None,
        source: str | None = None,
        received_at: datetime | None = None,
    ) -> Asked:
        """A guest said stop; it counts when this returns. Left out, it is the whole channel of the address, for
        marketing. `token` is the last part of a guest's link, in place of the guest."""
        return Asked(
            body=members(
                guest=guest, token=token, scope=scope, channels=channels, categories=categories, classes=classes,
                source=source, received_at=received_at,
            )
        )  # fmt: skip

    @ask("GET", "compliance/record", Processing)
    def processing(self) -> Asked:
        """The record of processing activities (GDPR Art. 30), as things stand now."""
        return Asked()
