"""Rules about access as callers write and read them."""

from typing import Annotated

from msgspec import Meta, Struct

from gateway import ids
from gateway.orders import Included, Moment
from gateway.pages import PageQuery
from gateway.store.access_rules import Verdict
from gateway.views import KeyId, Time

AccessRuleId = Annotated[str, Meta(pattern=ids.pattern("acl"))]
Force = Annotated[bool, Meta(description="Although it may lock out whoever asks for it")]


class AccessOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new rule, about a network or about an API key."""

    verdict: Verdict
    network: Annotated[str, Meta(max_length=50, examples=["192.0.2.0/24", "2001:db8::/32"])] | None = None
    api_key: KeyId | None = None
    reason: Annotated[str, Meta(min_length=1, max_length=500)]
    expires_at: Moment | None = None
    force: Force = False


class AccessRuleQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which rules: those of which all of it is true."""

    verdict: Verdict | None = None
    include: Included | None = None


class RemovalQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a rule is taken away."""

    force: Force = False


class AccessRuleContent(Struct, frozen=True):
    """What of a rule is sealed."""

    reason: str


class AccessRuleView(Struct, kw_only=True):
    """A rule as it stands, about a network or about an API key. `author` is whoever made it, as the audit log names
    him. One that is over stays in the list for thirty days."""

    id: AccessRuleId
    verdict: Verdict
    network: str | None
    api_key: KeyId | None
    author: str
    created_at: Time
    expires_at: Time | None
    content: AccessRuleContent | None = None


class AccessRuleList(Struct, frozen=True):
    """A page of rules, newest first."""

    items: list[AccessRuleView]
    next_cursor: str | None
