"""What may be sent to a guest: one look, over each channel and of each class, and since when."""

import pytest

from gateway.clock import rfc3339
from tests.running import BOOKING, running

ANA = {"email": "ana@example.org", "phone": "+351912345678", "country": "PT", "timezone": "Europe/Lisbon"}


@pytest.fixture
async def run(tmp_path, clock):
    """A gateway that does not deliver; it is 10:00 UTC."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        yield run


async def test_a_guest_may_get_what_he_agreed_to_until_he_says_stop(run, clock):
    """Nobody may advertise to Ana until she agrees, and then over that channel and on that subject alone; her bookings
    go all the while. What decides is named with its time."""
    await run.send(BOOKING | {"to": ANA, "deliver_at": "2099-01-01T00:00:00Z"})
    (guest,) = (await run.call("GET", "/communications/guests")).json["items"]

    async def permits(query: str = "") -> dict[str, dict]:
        reply = await run.call("GET", f"/communications/guests/{guest['id']}/compliance{query}")
        assert reply.status == 200, reply.json
        return {f"{one['channel']} {one['class']}": one for one in reply.json["permits"]}

    before = await permits()
    assert list(before) == [f"{channel} {class_}" for channel in ("email", "sms")
                            for class_ in ("marketing", "transactional", "informational")]  # fmt: skip
    assert before["email marketing"]["compliance"]["reasons"] == ["EU-EPRIV-1"]
    assert before["email marketing"]["compliance"]["explanation"][0]["citation"] == "Directive 2002/58/EC art. 13(1)"
    assert {one["since"] for one in before.values()} == {None}
    agreed = clock.now()
    await run.yes(ANA, channels=["email"], categories=["spa"])
    clock.forward(60)
    spa = await permits("?category=spa")
    mail = spa["email marketing"]
    assert (mail["compliance"]["decision"], mail["by"], mail["since"]) == ("allow", "consent", rfc3339(agreed))
    assert spa["sms marketing"]["compliance"]["decision"] == "deny"
    assert (await permits())["email marketing"]["compliance"]["decision"] == "deny"
    stopped = clock.now()
    await run.call("POST", "/communications/compliance/unsubscribe", {"guest": "ana@example.org"})
    clock.forward(60)
    after = await permits("?category=spa")
    mail = after["email marketing"]
    assert (mail["compliance"]["reasons"], mail["by"], mail["since"]) == (
        ["CORE-SUP-2"],
        "suppression",
        rfc3339(stopped),
    )
    booking = after["email transactional"]
    assert (booking["compliance"]["decision"], booking["by"]) == ("allow", None)


async def test_who_may_look(run):
    """Whoever takes consents; nobody learns of a guest there is not."""
    await run.send(BOOKING | {"to": ANA, "deliver_at": "2099-01-01T00:00:00Z"})
    (guest,) = (await run.call("GET", "/communications/guests")).json["items"]
    for scopes, status in ((("check", "guests"), 403), (("consent",), 200)):
        key = await run.draw(*scopes)
        path = f"/communications/guests/{guest['id']}/compliance"
        assert (await run.call("GET", path, headers={"Authorization": f"Bearer {key}"})).status == status
    for nobody in ("gst_00000000000000000000000000", "gst_x"):
        assert (await run.call("GET", f"/communications/guests/{nobody}/compliance")).status == 404
