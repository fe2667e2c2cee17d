"""What a server's refusal means: whose fault it is, and when to come back."""

import re

from gateway import Failure

from .wire import Reply

AUTH = frozenset({530, 534, 535, 538})
NO_SUCH_MAILBOX = frozenset({550, 551, 553})
"""What RCPT is answered for an address that is none, by servers without enhanced codes."""
BAD_ADDRESS = frozenset({"5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.4", "5.1.5", "5.1.6", "5.1.10", "5.2.1"})
"""Faults of the recipient's address (RFC 3463 §3.2). 5.1.7 and 5.1.8 speak of the sender's."""
GREYLISTED = re.compile(r"gr[ea]y-?\s?list", re.IGNORECASE)
LATER = 300.0
"""Seconds after which a greylist lets the same envelope pass."""
LONGEST_WORDS = 500


def refusal(reply: Reply, step: str) -> Failure:
    """The failure a reply stands for. `step` is what was answered: OPEN, AUTH, MAIL, RCPT, DATA or TEXT, the mail
    itself. A reply, even one to the text, is certain: the server does not have the message."""
    kind = _opening(reply, step) if step in ("OPEN", "AUTH") else _kind(reply, step)
    pause = LATER if come_back_later(reply) else None
    destination = step == "RCPT" and kind == "transient" and bool(pause) and not GREYLISTED.search(reply.text)
    return Failure(kind, retry_after=pause, code=reply.enhanced or str(reply.code), words=reply.text[:LONGEST_WORDS],
                   destination=destination)  # fmt: skip


def _opening(reply: Reply, step: str) -> str:
    """Before there is a mail, every fault is the provider's."""
    if reply.code >= 500:
        return "auth" if step == "AUTH" or reply.code in AUTH else "config"
    return "throttled" if come_back_later(reply) else "down"


def _kind(reply: Reply, step: str) -> str:
    if reply.code in AUTH:
        return "auth"
    if reply.code < 500:
        return "transient"
    if reply.enhanced in BAD_ADDRESS:
        return "bad_address"
    if reply.enhanced is None and step == "RCPT" and reply.code in NO_SUCH_MAILBOX:
        return "bad_address"
    return "rejected"


def come_back_later(reply: Reply) -> bool:
    """Policy, not trouble: a greylist or a limit on how much a sender may send."""
    return reply.code < 500 and (bool(GREYLISTED.search(reply.text)) or (reply.enhanced or "").startswith("4.7."))
