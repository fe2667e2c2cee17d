"""What a program does when the gateway says no: because of the law, because of a mistake, because it was too much.

export GATEWAY_URL=http://127.0.0.1:8080 GATEWAY_KEY=gk_…
python examples/refusals_and_limits.py
"""

import os

from guest_gateway import Blocked, Gateway, Invalid, Patience, QuotaExceeded, Unavailable, Unreachable
from guest_gateway.orders import Letter

NEWS: Letter = {
    "class_": "marketing",
    "category": "news",
    "subject": "Spring",
    "declares": {"contains_promotion": True},
}
STRANGER = "somebody.nobody.knows@guests.example"


def send_news(gateway: Gateway, address: str) -> str:
    """Send, and say what became of it. Each `except` is one thing a program can do."""
    try:
        return gateway.messages.send(channel="email", to=address, text="The garden opens.", **NEWS).id
    except Blocked as error:
        # The law, or the guest's own wish. Never send it again unchanged: get a consent, or leave it.
        return f"refused by {', '.join(error.reasons)}. {error.hint} (kept as {error.message_id})"
    except Invalid as error:
        # Our mistake: every member at fault is named. The same request will never do.
        return "wrong: " + "; ".join(f"{fault.pointer} {fault.detail}" for fault in error.faults)
    except QuotaExceeded as error:
        # The client has waited already, unless it would have been too long. Come back then.
        return f"too much, come back in {error.retry_after:.0f} s"
    except (Unavailable, Unreachable) as error:
        # Nothing of ours was lost. Put it on your own list, and send it later with the same idempotency key.
        return f"not now: {error}"


def asked_until_limited(gateway: Gateway) -> tuple[int, float]:
    """How often one may ask the law before the limit says stop, and for how many seconds then."""
    for asked in range(10_000):
        try:
            gateway.compliance.check(channel="email", to=STRANGER, text="The garden opens.", **NEWS)
        except QuotaExceeded as error:
            return asked, error.retry_after or 0.0
    return asked, 0.0


def main() -> None:
    """Show each of them."""
    key, url = os.environ["GATEWAY_KEY"], os.environ["GATEWAY_URL"]
    with Gateway(key, url) as gateway:
        print(f"no consent: {send_news(gateway, STRANGER)}")
        print(f"no address: {send_news(gateway, 'somebody')}")
    # A client without patience, so that the limit can be seen. Any other waits, and you notice nothing.
    with Gateway(key, url, patience=Patience(tries=1)) as impatient:
        asked, seconds = asked_until_limited(impatient)
    print(f"limit: asked {asked} times, then told to wait {seconds:.0f} s")
    with Gateway(key, url) as gateway:
        judged = gateway.compliance.check(channel="email", to=STRANGER, text="The garden opens.", **NEWS)
    print(f"after a wait that was the client's own: {judged.decision}")


if __name__ == "__main__":
    main()
