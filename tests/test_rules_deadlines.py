"""By when something must be done: working days, months, hours, pauses (CORE-BIZ-1 to 3, DSR-2)."""

from datetime import date

import pytest

from gateway.clock import rfc3339
from gateway.errors import Invalid
from gateway.rules import Clocked, Due, Pause
from tests.rules_cases import at, book


def due(jurisdiction: str, what: str, received: str, zone: str = "UTC", *pauses: tuple[str, str], **more) -> Due:
    """By when, of something received then."""
    stood = [Pause(from_=at(begins), to=at(ends)) for begins, ends in pauses]
    return book().deadline(
        Clocked(jurisdiction=jurisdiction, what=what, received_at=at(received), timezone=zone, pauses=stood, **more)
    )


WORKING_DAYS = [
    # the day itself does not count, Thanksgiving and weekends neither
    ("US", "unsubscribe", "2026-11-24T18:00:00Z", "America/New_York", "2026-12-09"),
    # late in the evening in UTC it is still the day before in New York
    ("US", "unsubscribe", "2026-11-24T02:00:00Z", "America/New_York", "2026-12-08"),
    ("US", "revoke", "2026-12-21T18:00:00Z", "America/New_York", "2027-01-06"),
    # Victoria Day and Thanksgiving are kept in parts of Canada only
    ("CA", "unsubscribe", "2026-05-11T15:00:00Z", "America/Toronto", "2026-05-25"),
    ("CA", "unsubscribe", "2026-10-02T15:00:00Z", "America/Toronto", "2026-10-16"),
    ("AU", "unsubscribe", "2027-04-23T02:00:00Z", "Australia/Sydney", "2027-04-30"),  # ANZAC Day on a Sunday
    ("NZ", "access", "2026-12-22T00:00:00Z", "Pacific/Auckland", "2027-01-25"),
    ("BR", "breach", "2026-04-17T12:00:00Z", "America/Sao_Paulo", "2026-04-23"),  # Tiradentes on the 21st
    ("SG", "unsubscribe", "2026-12-18T04:00:00Z", "Asia/Singapore", "2027-01-05"),
    ("XX", "unsubscribe", "2026-12-24T12:00:00Z", "UTC", "2026-12-31"),
]  # fmt: skip


@pytest.mark.parametrize(("place", "what", "received", "zone", "day"), WORKING_DAYS)
def test_working_days_are_counted_on_the_local_calendar(place, what, received, zone, day):
    """CORE-BIZ-1, 3: N working days after the day of receipt, by the national calendar."""
    found = due(place, what, received, zone)
    assert (found.due_date, found.due_at) == (date.fromisoformat(day), None)


MONTHS = [
    ("EU", "DE", "access", "2026-01-31T12:00:00Z", "Europe/Berlin", "2026-03-02"),  # 28 February is a Saturday
    ("EU", "DE", "access", "2026-03-03T12:00:00Z", "Europe/Berlin", "2026-04-07"),  # Good Friday to Easter Monday
    ("EU", None, "access", "2026-03-03T12:00:00Z", "Europe/Berlin", "2026-04-03"),  # whose holidays is not known
    ("EU", "PT", "access", "2026-11-24T23:30:00Z", "Europe/Lisbon", "2026-12-24"),
    ("EU", "FR", "access", "2026-11-24T23:30:00Z", "Europe/Paris", "2026-12-28"),  # received on the 25th there
    ("EU", "DE", "access_extended", "2026-11-30T12:00:00Z", "Europe/Berlin", "2027-03-01"),
    ("UK", None, "access", "2026-03-06T12:00:00Z", "Europe/London", "2026-04-07"),  # Easter Monday, as in England
    ("UK", None, "complaint_ack", "2026-06-19T12:00:00Z", "Europe/London", "2026-07-19"),  # days do not roll
    ("CH", None, "access", "2026-11-24T12:00:00Z", "Europe/Zurich", "2026-12-24"),
    ("US", None, "access", "2026-11-24T18:00:00Z", "America/New_York", "2027-01-08"),
]


@pytest.mark.parametrize(("place", "country", "what", "received", "zone", "day"), MONTHS)
def test_months_keep_the_number_of_the_day_and_end_on_a_working_day(place, country, what, received, zone, day):
    """CORE-BIZ-2: clamped to the month's end; in the EU and the UK moved to the next working day."""
    assert due(place, what, received, zone, country=country).due_date == date.fromisoformat(day)


def test_hours_are_hours():
    """They run over weekends and changes of the clocks; a local day would be something else."""
    found = due("EU", "breach", "2026-03-28T12:00:00Z", "Europe/Berlin")
    assert (found.due_date, rfc3339(found.due_at), found.reasons) == (None, "2026-03-31T12:00:00Z", ("BRE-2",))


def test_what_no_law_gives_days_for_is_due_at_once():
    """In Switzerland a stop holds when it is received (CORE-UNS-4); in Japan as for the unknown, after five days."""
    assert due("CH", "unsubscribe", "2026-11-24T12:00:00Z") == Due(
        None, at("2026-11-24T12:00:00Z"), ("CORE-UNS-4",), at("2026-11-24T12:00:00Z")
    )
    assert due("JP", "unsubscribe", "2026-11-24T12:00:00Z").reasons == ("CORE-JUR-6",)


def test_the_stricter_of_state_and_country_holds():
    """Florida's 15 days end before ten working days around New Year, and after them in spring."""
    assert due("US-FL", "revoke", "2026-12-21T18:00:00Z", "America/New_York").reasons == ("US-FL-3",)
    assert due("US-FL", "revoke", "2026-03-02T18:00:00Z", "America/New_York").reasons == ("US-TCPA-4",)


PAUSES = [
    ([], "2026-12-24"),
    ([("2026-11-25T12:00:00Z", "2026-11-28T12:00:00Z")], "2026-12-28"),  # the 27th is a Sunday
    ([("2026-11-25T12:00:00Z", "2026-11-26T11:00:00Z")], "2026-12-24"),  # no whole day
    ([("2026-11-25T12:00:00Z", "2026-11-27T12:00:00Z"), ("2026-11-26T12:00:00Z", "2026-11-29T12:00:00Z")],
     "2026-12-28"),
    ([("2026-11-20T12:00:00Z", "2026-11-25T12:00:00Z")], "2026-12-25"),  # only from the receipt on
    ([("2027-01-05T12:00:00Z", "2027-01-25T12:00:00Z")], "2026-12-24"),  # the time was up already
]  # fmt: skip


@pytest.mark.parametrize(("pauses", "day"), PAUSES)
def test_a_pause_moves_the_end_by_its_whole_days(pauses, day):
    """DSR-2: the clock stands still from the request for proof until the proof; no country, so Christmas is a day."""
    found = due("EU", "access", "2026-11-24T12:00:00Z", "UTC", *pauses)
    assert found.due_date == date.fromisoformat(day)
    assert ("DSR-2" in found.reasons) == (day != "2026-12-24")


def test_the_time_is_up_at_midnight_there():
    """A day's end is an instant: midnight on the guest's clock, an hour earlier after the clocks went forward."""
    assert rfc3339(due("EU", "access", "2026-02-27T12:00:00Z", "Europe/Lisbon").ends_at) == "2026-03-28T00:00:00Z"
    assert rfc3339(due("EU", "access", "2026-03-03T12:00:00Z", "Europe/Lisbon").ends_at) == "2026-04-03T23:00:00Z"


def test_every_fault_of_a_question_is_named_with_what_would_be_right():
    """A law that knows no such clock says which it knows; zone, country and pauses are looked at too."""
    with pytest.raises(Invalid) as caught:
        due("EU", "revoke", "2026-11-24T12:00:00Z", "Europe/Nowhere",
            ("2026-11-26T12:00:00Z", "2026-11-25T12:00:00Z"), country="US")  # fmt: skip
    found = {fault.pointer: fault for fault in caught.value.faults}
    assert set(found) == {"/what", "/timezone", "/country", "/pauses", "/pauses/0/to"}
    assert "access_extended" in found["/what"].detail
    with pytest.raises(Invalid) as caught:
        due("ZZ", "access", "9998-11-24T12:00:00Z")
    assert [fault.pointer for fault in caught.value.faults] == ["/received_at", "/jurisdiction"]
    assert "US-FL" in caught.value.faults[1].detail


def test_a_country_leads_to_its_law():
    """Whoever opens a request for a guest finds the pack by the guest's country."""
    assert [book().law_of(country) for country in ("PT", "PR", "GB", "MX", None)] == ["EU", "US", "UK", "XX", "XX"]
