"""The words of the trade as closed sets: what there is, which states a message has, who may do what."""

from typing import Literal

MessageClass = Literal["marketing", "transactional", "informational", "emergency", "legal"]
"""What can be sent."""
AnyClass = Literal["marketing", "transactional", "informational", "emergency", "legal", "optout_confirmation"]
"""What there is: the last is the gateway's own."""
ChannelName = Literal["email", "sms", "whatsapp", "voice"]

GuestStatus = Literal["active", "restricted", "erasure_pending", "erased"]
RequestKind = Literal["access", "portability", "rectification", "restriction", "erasure", "objection"]
RequestStatus = Literal["verifying", "open", "grace", "done", "refused", "cancelled"]

CHANNELS: tuple[ChannelName, ...] = ("email", "sms", "whatsapp", "voice")
CONTACT_OF = {"email": "email", "sms": "phone", "whatsapp": "phone", "voice": "phone"}
"""Which kind of contact point a channel writes to."""

State = Literal[
    "queued", "deferred", "held", "sending", "uncertain", "sent", "delivered", "bounced", "complained", "failed",
    "blocked", "cancelled", "expired",
]  # fmt: skip

WAIT_REASONS = ("law", "schedule", "retry", "limit")
HOLD_REASONS = ("needs_review", "quarantined", "provider_removed", "rule_error", "cost", "approval", "uncertain")

TRANSITIONS: dict[str | None, frozenset[str]] = {
    None: frozenset({"queued", "deferred", "held", "blocked"}),
    "queued": frozenset({"sending", "deferred", "held", "blocked", "cancelled", "expired", "failed"}),
    "deferred": frozenset({"queued", "sending", "deferred", "held", "blocked", "cancelled", "expired", "failed"}),
    "held": frozenset({"queued", "deferred", "blocked", "cancelled", "expired"}),
    "sending": frozenset(
        {"sent", "queued", "deferred", "held", "uncertain", "failed", "bounced", "blocked", "cancelled", "expired"}
    ),
    "uncertain": frozenset(
        {"sending", "sent", "delivered", "bounced", "complained", "held", "failed", "blocked", "cancelled", "expired"}
    ),
    "sent": frozenset({"delivered", "bounced", "complained", "failed"}),
    "delivered": frozenset({"complained"}),
    "bounced": frozenset(),
    "complained": frozenset(),
    "failed": frozenset(),
    "blocked": frozenset(),
    "cancelled": frozenset(),
    "expired": frozenset(),
}
"""Which state may follow which; None is the message that does not exist yet."""

FINAL = frozenset({"delivered", "bounced", "complained", "failed", "blocked", "cancelled", "expired"})
WAITING = frozenset({"queued", "deferred", "held", "sending", "uncertain"})
"""States of a message that still has a row in the outbox."""

COUNTED = (
    "accepted", "refused", "queued", "deferred", "held", "released", "uncertain", "sent", "delivered", "bounced",
    "complained", "failed", "blocked", "cancelled", "expired",
)  # fmt: skip
"""What is counted of messages: the types of their events, and `refused`, those that were blocked at the request. The
place of a word is stored with the counts: a new one goes to the end."""

ENDPOINTS: tuple[str, ...] = (
    "abuse.lift", "abuse.list", "access_rules.add", "access_rules.list", "access_rules.remove", "access_rules.show",
    "analytics.report", "api_keys.change", "api_keys.draw", "api_keys.list", "api_keys.revoke", "api_keys.rotate",
    "api_keys.show", "audit.list", "audit.newest", "audit.prove", "auth.begin_totp", "auth.confirm_totp",
    "auth.end_totp", "auth.keys", "auth.logout", "auth.password", "auth.setup", "auth.token", "batches.cancel",
    "batches.events", "batches.show", "breaches.add", "breaches.change", "breaches.list", "breaches.show",
    "complaints.acknowledge", "complaints.add", "complaints.close", "complaints.list", "complaints.show",
    "compliance.check", "compliance.rule", "compliance.rules", "confirm.ask", "confirm.confirm", "consents.ask",
    "consents.ask_first", "consents.check_receipt", "consents.expiring", "consents.keep", "consents.receipt",
    "consents.record", "consents.state", "consents.wording", "consents.wordings", "data_requests.cancel",
    "data_requests.complete", "data_requests.export", "data_requests.extend", "data_requests.list",
    "data_requests.open", "data_requests.pause", "data_requests.redact", "data_requests.refuse",
    "data_requests.resume", "data_requests.show", "data_requests.verify", "guests.add", "guests.edit",
    "guests.export", "guests.forget", "guests.import", "guests.list", "guests.permits", "guests.search",
    "guests.show", "health.scrape_inside", "holds.end", "holds.place", "holds.report", "holds.run", "holds.show",
    "limits.explain", "limits.show", "look.show", "messages.bulk", "messages.cancel", "messages.list",
    "messages.release", "messages.send", "messages.show", "messages.template", "my_data.ask", "my_data.code",
    "my_data.consider", "my_data.keep", "my_data.prove", "my_data.show", "preferences.save", "preferences.show",
    "processing.show", "receipt.file", "receipt.show", "replies.decide", "replies.list", "replies.show",
    "replies.take", "suppressions.add", "suppressions.lift", "suppressions.list", "suppressions.show",
    "suppressions.unsubscribe", "templates.add", "templates.edit", "templates.list", "templates.preview",
    "templates.remove", "templates.show", "templates.version", "templates.versions", "unsubscribe.ask",
    "unsubscribe.stop", "users.add", "users.change", "users.list", "users.remove", "users.setup_code", "users.show",
    "webhooks.add", "webhooks.change", "webhooks.deliveries", "webhooks.list", "webhooks.remove", "webhooks.replay",
    "webhooks.rotate", "webhooks.show", "webhooks.test",
)  # fmt: skip
"""What limits can count, as the API's description names it. A test holds it to the doors there are."""

SCOPES = (
    "send", "send.bulk", "send.emergency", "send.legal", "read", "read.content", "consent", "privacy", "check",
    "audit", "guests", "templates", "suppressions", "suppressions.lift", "tasks", "webhooks", "keys", "users",
    "limits", "ops",
)  # fmt: skip
ALL_SCOPES = frozenset(SCOPES) - {"send.emergency", "send.legal"}
"""What `all` stands for: the two dangerous ones are always named."""
