"""What arrives at a webhook: believed only when the gateway has signed it, just now."""

import base64
import hmac
import json
from hashlib import sha256

import pytest

from guest_gateway import BadSignature, verified

NOW = 1_795_514_400
SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four!").decode()
OTHER = "whsec_" + base64.b64encode(b"another secret of these!").decode()
BODY = json.dumps(
    {"type": "message.delivered", "timestamp": "2026-11-24T10:00:00Z",
     "data": {"message_id": "msg_01m86xwyt2e00bxznkf9ypswzs", "status": "delivered"}}
).encode()  # fmt: skip


def signed(body=BODY, secret=SECRET, sent=NOW):
    """The headers, as the specification of Standard Webhooks says they are made."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = base64.b64encode(hmac.new(key, f"evt_1.{sent}.".encode() + body, sha256).digest()).decode()
    return {"webhook-id": "evt_1", "webhook-timestamp": str(sent), "webhook-signature": f"v1,{mac}"}


def test_what_the_gateway_signed_is_read():
    """An event with its id, kind and time; header names in any case, clocks a little apart."""
    headers = {name.title(): value for name, value in signed().items()}
    for now in (NOW, NOW + 299, NOW - 299):
        event = verified(BODY, headers, SECRET, now=now)
    assert (event.id, event.type, event.data["status"]) == ("evt_1", "message.delivered", "delivered")
    assert event.timestamp.timestamp() == NOW


def test_while_secrets_change_either_is_good():
    """Two signatures, two secrets: one that fits is enough, on whichever side has both."""
    both = signed()["webhook-signature"] + " " + signed(secret=OTHER)["webhook-signature"]
    assert verified(BODY, signed() | {"webhook-signature": both}, OTHER, now=NOW)
    assert verified(BODY, signed(), [OTHER, SECRET], now=NOW)


@pytest.mark.parametrize(
    ("body", "headers", "now"),
    [
        (BODY + b" ", signed(), NOW),
        (BODY, signed(secret=OTHER), NOW),
        (BODY, signed() | {"webhook-id": "evt_2"}, NOW),
        (BODY, signed() | {"webhook-signature": "v1,"}, NOW),
        (BODY, signed() | {"webhook-signature": "v1a,é"}, NOW),
        (BODY, signed() | {"webhook-timestamp": "soon"}, NOW),
        (BODY, signed(), NOW + 301),
        (BODY, signed(), NOW - 301),
        (BODY, {}, NOW),
        (b"[]", signed(b"[]"), NOW),
    ],
)
def test_what_it_did_not_sign_is_not_believed(body, headers, now):
    """Another body, secret, id or time, nothing at all, or no event."""
    with pytest.raises(BadSignature):
        verified(body, headers, SECRET, now=now)


def test_a_secret_that_is_none_is_the_programs_own_mistake():
    """It is not the letter that is wrong then."""
    with pytest.raises(ValueError, match="whsec_"):
        verified(BODY, signed(), "whsec_?", now=NOW)
