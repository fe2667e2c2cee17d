"""Confirms a booking: one message, sent once whatever happens to the line, and followed until it has left.

export GATEWAY_URL=http://127.0.0.1:8080 GATEWAY_KEY=gk_…
python examples/booking_confirmation.py ana@example.org 4711
"""

import os
import sys
import time

from guest_gateway import Gateway
from guest_gateway.messages import Accepted, Message

ON_ITS_WAY = {"queued", "sending", "uncertain"}


def confirm(gateway: Gateway, address: str, booking: str) -> Accepted:
    """Send the confirmation. The number of the booking makes it once: however often your program comes here, also after
    a crash, the guest gets one mail."""
    return gateway.messages.send(
        channel="email",
        to={"email": address, "language": "en"},
        class_="transactional",  # it is about the guest's own booking, so no consent is needed
        category="booking",
        declares={"contains_promotion": False},
        subject=f"Your booking {booking}",
        text="Thank you, your booking is confirmed. We look forward to seeing you.",
        reference=booking,  # by which you find the message again
        idempotency_key=f"booking-{booking}-confirmed",
    )


def followed(gateway: Gateway, message: str, seconds: float = 30.0) -> Message:
    """The message once it has left, or waits for longer. (A webhook tells the same without asking.)"""
    until = time.monotonic() + seconds
    while (seen := gateway.messages.get(message)).status in ON_ITS_WAY and time.monotonic() < until:
        time.sleep(0.2)
    return seen


def main(address: str, booking: str) -> None:
    """Confirm one booking and say what became of it."""
    with Gateway(os.environ["GATEWAY_KEY"], os.environ["GATEWAY_URL"]) as gateway:
        accepted = confirm(gateway, address, booking)
        message = followed(gateway, accepted.id)
        print(f"{message.id} is {message.status}")
        for found in gateway.messages.list(reference=booking):
            print(f"booking {booking}: {found.category} by {found.channel}, {found.status}")


if __name__ == "__main__":
    main(*sys.argv[1:])
