"""What several doors take: whom a message is for, and what is said with it."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal, Required, TypedDict

Channel = Literal["email", "sms", "whatsapp", "voice"]
MessageClass = Literal["marketing", "transactional", "informational", "emergency", "legal"]


class Named(TypedDict, total=False):
    """A guest by his id, or by his addresses with what you know of him. It fills in what the gateway does not know and
    never overwrites."""

    guest_id: str
    email: str
    phone: str
    name: str
    country: str
    region: str
    timezone: str
    language: str


Whom = str | Named
"""An address (`ana@example.org`, `+351912345678`), or more about the guest."""


class Declares(TypedDict, total=False):
    """What of a message only you can know."""

    contains_promotion: bool
    promo_in_subject: bool
    asks_consent: bool
    transactional_first: bool
    advertisement: bool
    solicited_at: datetime | None


class Terms(TypedDict, total=False):
    """What kind of message it is, when it may go, and what you know it by. `class_` left out means marketing, which is
    the strictest; `deliver_at` without an offset needs `deliver_zone`."""

    class_: MessageClass
    category: str
    deliver_at: datetime | None
    deliver_zone: str | None
    expires_at: datetime | None
    event_date: date | None
    sender: str | None
    reference: str | None
    metadata: Mapping[str, str] | None
    declares: Declares | None


class Letter(Terms, total=False):
    """Terms, and what there is beside the text. E-mail needs a `subject`."""

    subject: str | None
    html: str | None


class Recipient(TypedDict, total=False):
    """One of many: who, and what is about him alone."""

    to: Required[Whom]
    variables: Mapping[str, Any]
    metadata: Mapping[str, str] | None


class Segment(TypedDict, total=False):
    """Guests who have every one of these tags, this language (`pt` is also `pt-BR`) and this country."""

    tags: list[str]
    language: str
    country: str


class Chosen(TypedDict):
    """Everybody of whom it is true when the gateway takes the request."""

    filter: Segment


class BulkLetter(Letter, total=False):
    """A letter to many: its words (in Liquid), or the name of a template in their place, and what stands for everybody
    in the place of the variables. `channel` may be left out where a template has only one."""

    channel: Channel | None
    text: str | None
    template: str | None
    variables: Mapping[str, Any] | None
