"""How to test your own booking system: against a real gateway that harms nobody.

pytest examples/testing_with_the_demo.py

`gateway demo --stay` keeps everything in a folder that is thrown away, and mails to a server of its own, which lays
them into files. So a test sees what a guest would see, and the law is the real one.
"""

import json
import subprocess
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import NamedTuple

import pytest
from booking_confirmation import confirm, followed

from guest_gateway import Blocked, Gateway


class Demo(NamedTuple):
    """A gateway to try things with, and the folder where its mails arrive."""

    gateway: Gateway
    mails: Path

    def mail_to(self, address: str) -> str:
        """The text of the mail that this guest got."""
        (mail,) = self.mails.glob(f"*-{address}.eml")
        body = message_from_bytes(mail.read_bytes(), policy=policy.default).get_body(("plain",))
        assert body is not None
        return str(body.get_content())


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    """One for all tests: it takes some seconds to start."""
    with subprocess.Popen(["gateway", "demo", "--stay", "--json"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            told = json.loads(process.stdout.readline())
            with Gateway(told["key"], told["url"]) as gateway:
                yield Demo(gateway, Path(told["mails"]))
        finally:
            process.terminate()


def test_a_booking_is_confirmed_by_one_mail(demo: Demo) -> None:
    """Our booking system, called twice for the same booking, sends one mail, and it says what it should."""
    first, again = [confirm(demo.gateway, "carla@guests.example", "4711") for _ in range(2)]
    assert first.id == again.id
    assert followed(demo.gateway, first.id).status == "sent"
    assert "your booking is confirmed" in demo.mail_to("carla@guests.example")


def test_a_guest_who_said_stop_gets_his_confirmation_but_no_news(demo: Demo) -> None:
    """The law is the real one: what is about a booking still goes, advertising does not."""
    demo.gateway.compliance.unsubscribe("dora@guests.example", source="front_desk")
    confirmation = confirm(demo.gateway, "dora@guests.example", "4712")
    assert followed(demo.gateway, confirmation.id).status == "sent"
    with pytest.raises(Blocked) as refusal:
        demo.gateway.messages.send(channel="email", to="dora@guests.example", subject="Spring", text="Come and see.")
    assert any(rule.startswith("CORE-SUP") for rule in refusal.value.reasons)
