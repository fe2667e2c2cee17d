"""What callers get back, as types, where it is more than one order's answer: ids, judgements, stories, consents."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from gateway import ids
from gateway.rules import Action, Consent, Stop

MessageId = Annotated[str, Meta(pattern=ids.pattern("msg"))]
GuestId = Annotated[str, Meta(pattern=ids.pattern("gst"))]
BatchId = Annotated[str, Meta(pattern=ids.pattern("bat"))]
RequestId = Annotated[str, Meta(pattern=ids.pattern("req"))]
TemplateId = Annotated[str, Meta(pattern=ids.pattern("tpl"))]
UserId = Annotated[str, Meta(pattern=ids.pattern("usr"))]
KeyId = Annotated[str, Meta(pattern="^key_[0-9A-Za-z]{8}$")]
Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"}, description="RFC 3339 in UTC")]


class Explanation(Struct, frozen=True):
    """A rule that had a say, in words, and the law it comes from."""

    rule: str
    text: str
    citation: str


class Compliance(Struct, frozen=True):
    """The judgement of a message. `reasons` denied or deferred it, `basis` permitted it, `required_elements` are put
    into it because the law asks for them, `warnings` do not stop it."""

    decision: Literal["allow", "defer", "deny"]
    defer_until: Time | None
    reasons: list[str]
    basis: list[str]
    jurisdictions: list[str]
    required_elements: list[str]
    warnings: list[str]
    explanation: list[Explanation]
    rules_version: str


class Deadline(Struct, frozen=True):
    """By when: the last local day, or the last instant where the law counts hours; `reasons` are the rules that say
    so."""

    reasons: tuple[str, ...]
    due_date: Annotated[str, Meta(extra_json_schema={"format": "date"})] | UnsetType = UNSET
    due_at: Time | UnsetType = UNSET


class Heard(Struct, frozen=True):
    """What a guest's answer means: the suppression to enter where it is a stop, and until when that may be confirmed.
    With CORE-OPT-3 or CORE-OPT-4 among the `reasons` somebody should read it."""

    action: Action
    reasons: tuple[str, ...]
    suppression: Stop | None
    confirmation_until: Time | None


class Happening(Struct, frozen=True):
    """Something that happened to a message; of an attempt also with whom, which one, how long it took and how it
    ended."""

    type: str
    at: Time
    provider: str | UnsetType = UNSET
    attempt: int | UnsetType = UNSET
    ms: int | UnsetType = UNSET
    outcome: str | UnsetType = UNSET
    code: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    by: str | UnsetType = UNSET


class PrintedFrom(Struct, frozen=True):
    """The version of a template that a message was printed from."""

    id: TemplateId
    name: str
    language: str
    version: int


class MessageContent(Struct, frozen=True):
    """What is sealed of a message."""

    to: str
    subject: str
    text: str
    html: str | None
    metadata: dict[str, str]


class ContentGone(Struct, frozen=True):
    """When the content of a message was deleted, and why: because its guest was erased, or because a time was over,
    `after` so long a time."""

    at: Time
    why: Literal["erasure", "retention"]
    after: str | None


class ConsentContent(Struct, frozen=True):
    """What of a consent is sealed: where its proof lies, and from where it was said."""

    proof_ref: str | None
    ip: str | None


class ConsentView(Consent, frozen=True, kw_only=True):
    """A consent as it stood, and whether it then did: `counts` says nothing of what a law may ask besides."""

    status: Literal["counts", "withdrawn", "expired", "unproven", "not-yet"]
    content: ConsentContent | None = None


if TYPE_CHECKING:  # what was stored as JSON is passed on as it is; the types say what is in it
    StoredCompliance = Any
    StoredHappenings = Any
    StoredConsents = Any
else:
    StoredCompliance = Compliance
    StoredHappenings = list[Happening]
    StoredConsents = list[ConsentView]


class ConsentState(Struct, frozen=True):
    """What a guest has agreed to, as it stood `at` a time; `events` counts all that was ever recorded."""

    guest_id: GuestId
    at: Time
    consents: StoredConsents
    events: int


class RuleView(Struct, frozen=True):
    """A rule in words, with its source, the day it was held against it, and its parameters as they are in the pack.
    `allowed`: what is said instead where a message goes by it."""

    rule: str
    text: str
    allowed: str | None
    citation: str
    checked: Annotated[str, Meta(extra_json_schema={"format": "date"})] | None
    pack: str
    parameters: list[dict[str, Any]]


class RuleList(Struct, frozen=True):
    """Every rule, and the version of the rulebook."""

    rules_version: str
    items: list[RuleView]
