"""A rule pack loads whole or not at all, and says which file and key is wrong."""

from pathlib import Path

import pytest

from gateway.errors import NotUsable
from gateway.rules import Pack, Rulebook

PACKS = Path(__file__).parent.parent / "plugins/compliance/packs"


def shipped() -> list[Pack]:
    return [Pack.from_file(file) for file in sorted(PACKS.glob("*.toml"))]


LAW = """
schema = 1
version = "2026-11-25"
[jurisdiction.MX]
countries = ["MX"]
timezones = ["America/Mexico_City"]
consent = [{ rule = "MX-1", channels = ["email", "sms"], classes = ["marketing"], accept = ["express"] }]
window = [{ rule = "MX-2", channels = ["sms"], classes = ["marketing"], daily = ["09:00-18:00"] }]
cap = [{ rule = "MX-2", channels = ["sms"], classes = ["marketing"], max = 2, hours = 24 }]
kinds = { soft_opt_in = { rule = "MX-1", from = "event_at", months = 6 } }
deadline = { access = { days = 20, rule = "MX-1" } }
[overlay.MX-Q]
base = "MX"
regions = ["ROO"]
timezones = ["America/Cancun"]
window = [{ rule = "MX-2", channels = ["sms"], classes = ["marketing"], daily = ["10:00-17:00"] }]
kinds = { soft_opt_in = { rule = "MX-1", from = "event_at", months = 3 } }
[rules.MX-1]
text = "The guest in Mexico has not agreed."
citation = "House policy"
[rules.MX-2]
text = "The guest in Mexico rests."
citation = "House policy"
"""


def test_a_law_may_be_added():
    """A further pack is in force beside those that are shipped, and makes the rulebook another one."""
    book, with_mexico = Rulebook(shipped()), Rulebook([*shipped(), Pack.from_toml(LAW, "mx.toml")])
    assert "MX-1" in with_mexico.rules and "MX-1" not in book.rules
    assert book.version != with_mexico.version and with_mexico.version.startswith("2026-11-25+")
    assert with_mexico.version == Rulebook([Pack.from_toml(LAW, "mx.toml"), *shipped()[::-1]]).version


FAULTS = {
    "a key nobody knows": ('countries = ["MX"]', 'countries = ["MX"]\ncountrys = ["MX"]', "jurisdiction.MX"),
    "a table nobody knows": ("[rules.MX-2]", "[rulez.MX-2]", "rulez"),
    "another schema": ("schema = 1", "schema = 2", "schema"),
    "no date": ('version = "2026-11-25"', 'version = "soon"', "version"),
    "no such zone": ("America/Mexico_City", "America/Mexico", "jurisdiction.MX"),
    "hours over midnight": ('daily = ["09:00-18:00"]', 'daily = ["22:00-06:00"]', "jurisdiction.MX.window[0]"),
    "hours that touch": ("09:00-18:00", '09:00-12:00", "12:00-18:00', "jurisdiction.MX.window[0]"),
    "no hours of a day": ("09:00-18:00", "9-18", "jurisdiction.MX.window[0]"),
    "a window that never opens": ('daily = ["09:00-18:00"]', "daily = []", "jurisdiction.MX.window[0]"),
    "a cap of nothing": ("max = 2", "max = 0", "jurisdiction.MX.cap[0]"),
    "negative hours": ("hours = 24", "hours = -24", "jurisdiction.MX.cap[0]"),
    "no months": ("months = 6", "months = 0", "jurisdiction.MX.kinds"),
    "months from nowhere": (', from = "event_at", months = 6', ", months = 6", "jurisdiction.MX.kinds"),
    "no days": ("days = 20", "days = 0", "jurisdiction.MX.deadline"),
    "two terms": ("days = 20", "days = 20, hours = 3", "jurisdiction.MX.deadline"),
    "a kind nobody knows": ('accept = ["express"]', 'accept = ["expres"]', "jurisdiction.MX.consent[0]"),
    "a channel nobody knows": ('channels = ["sms"]', 'channels = ["fax"]', "jurisdiction.MX.window[0]"),
    "no word on consent": ("consent = [{", "x = [{", "jurisdiction.MX"),
    "a rule without words": (
        'rule = "MX-1", from = "event_at", months = 6',
        'rule = "MX-9", from = "event_at", months = 6',
        "MX-9",
    ),
    "empty words": ("The guest in Mexico rests.", "", "rules.MX-2"),
    "no source": ('citation = "House policy"\n[rules.MX-2]', "[rules.MX-2]", "rules.MX-1"),
    "an overlay on nothing": ('base = "MX"', 'base = "MZ"', "overlay.MX-Q.base"),
    "an overlay for nobody": ('regions = ["ROO"]', "regions = []", "overlay.MX-Q"),
    "an overlay open longer": ("10:00-17:00", "10:00-19:00", "overlay.MX-Q.window[0]"),
    "an overlay that remembers longer": ("months = 3", "months = 7", "overlay.MX-Q.kinds.soft_opt_in"),
    "an overlay that permits": ('regions = ["ROO"]', 'regions = ["ROO"]\nconsent = []', "overlay.MX-Q"),
    "a country twice": ('countries = ["MX"]', 'countries = ["MX", "US"]', "US"),
    "a jurisdiction twice": ("[jurisdiction.MX]", "[jurisdiction.JP]", "jurisdiction"),
    "a rule twice": ("[rules.MX-2]", "[rules.IN-1]", "IN-1"),
    "an heir of nobody": ('countries = ["MX"]', 'inherit = "YY"\ncountries = ["MX"]', "jurisdiction.MX.inherit"),
    "an heir of an heir": ('countries = ["MX"]', 'inherit = "NZ"\ncountries = ["MX"]', "jurisdiction.MX.inherit"),
    "no TOML": ("[rules.MX-2]", "[rules.MX-2", "mx.toml"),
    "a house policy of its own": ("[rules.MX-2]", '[core]\nunknown = "XX"\n[rules.MX-2]', "core"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_pack_stops_the_start(fault: str):
    """Not one fault is passed over, and the message says where it is."""
    right, wrong, where = FAULTS[fault]
    assert right in LAW
    with pytest.raises(NotUsable) as refused:
        Rulebook([*shipped(), Pack.from_toml(LAW.replace(right, wrong, 1), "mx.toml")])
    assert "mx.toml" in str(refused.value) and where in str(refused.value)


def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path):
    """A missing pack is named; a present one is read."""
    (tmp_path / "mx.toml").write_text(LAW)
    assert Pack.from_file(tmp_path / "mx.toml").name == "mx.toml"
    with pytest.raises(NotUsable, match=r"none\.toml"):
        Pack.from_file(tmp_path / "none.toml")


@pytest.mark.parametrize("file", ["core.toml", "xx.toml"])
def test_what_everything_rests_on_cannot_be_left_out(file: str):
    """Without house policy, or without rules for the unknown, there is no rulebook."""
    assert Rulebook(shipped())
    with pytest.raises(NotUsable):
        Rulebook([pack for pack in shipped() if pack.name != file])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("one_click", False),
        ("minors_marketing", "consent_age"),
        ("erasure_grace_days", 3),
        ("confirmation_seconds", 60),
        ("max_complaint_rate", 0.002),
    ],
)
def test_house_policy_may_be_set(key: str, value: object):
    """What the house decided, it may decide otherwise."""
    assert getattr(Rulebook(shipped()).policy, key) != value
    assert getattr(Rulebook(shipped(), {key: value}).policy, key) == value


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("windows", []),
        ("minors_marketing", "allow"),
        ("confirmation_seconds", 301),
        ("max_complaint_rate", 0.1),
        ("erasure_grace_days", -1),
        ("unknown", "US"),
    ],
)
def test_law_may_not_be_set(key: str, value: object):
    """A key nobody knows and a bound that is not the house's own are refused by name."""
    with pytest.raises(NotUsable, match=key):
        Rulebook(shipped(), {key: value})
