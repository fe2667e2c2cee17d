"""Decisions: asked for over HTTP against a handler that does nothing, and in process, one kind and all kinds mixed."""

import asyncio
import itertools
import random
import time
from pathlib import Path

from bench.figures import at_least, ratio
from bench.load import introduce, wrk
from bench.servers import ROOT, gateway, reference
from gateway.rules import (
    Consent,
    Features,
    Given,
    History,
    MessageFacts,
    Pack,
    RecipientFacts,
    Rulebook,
    Suppression,
    Venue,
)

ROUNDS, SECONDS = 3, 6
JUDGED = 20_000
PACKS = ROOT / "plugins/compliance/packs"
TUESDAY = 1_795_539_600_000
"""2026-11-24T17:00:00Z: working hours in Europe and America, night in Asia."""
DAY = 86_400_000
FULL = Features(contains_promotion=True, unsubscribe=True, unsubscribe_steps="one_click", unsubscribe_valid_days=730,
                list_unsubscribe_post=True, sender_identity=True, postal_address=True, contact_point=True,
                ad_label=True)  # fmt: skip
PLAIN = Features(contains_promotion=False, sender_identity=True, postal_address=True, contact_point=True)
PHONES = {"PT": "+351912345678", "US": "+12125550123", "CA": "+14165550123", "GB": "+447911123456",
          "CH": "+41791234567", "AU": "+61412345678", "NZ": "+64211234567", "BR": "+5511912345678",
          "IN": "+919812345678", "JP": "+819012345678", "SG": "+6581234567", "ZA": "+27821234567",
          "TR": "+905321234567"}  # fmt: skip
"""A guest in the country of every pack, and one where there is none."""
HOME = Venue(country="PT", timezone="Europe/Lisbon")


def measure() -> list[dict]:
    """All three."""
    rulebook = Rulebook([Pack.from_file(file) for file in sorted(Path(PACKS).glob("*.toml"))])
    return [
        asked(),
        at_least("decisions/s in process, a booking mail in Portugal", decided(rulebook, [booking()]), 50_000),
        at_least("decisions/s in process, all packs, channels and classes", decided(rulebook, every_kind()), 20_000),
    ]


def asked() -> dict:
    """A check on stored facts of one guest out of ten thousand, in turns."""
    ours, theirs = [], []
    with gateway() as server, reference("bare") as bare:
        asyncio.run(introduce(server, 10_000))
        for _ in range(ROUNDS):
            theirs.append(wrk(bare, 64, SECONDS, kind="check")["per_second"])
            ours.append(wrk(server, 64, SECONDS, kind="check")["per_second"])
    return ratio("compliance check / bare, 64 connections", ours, theirs, 0.45)


def decided(rulebook: Rulebook, cases: list[Given]) -> float:
    """Judgements a second of one core, each case in its turn: the best of some rounds."""
    rates = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for given in itertools.islice(itertools.cycle(cases), JUDGED):
            rulebook.judge(given)
        rates.append(JUDGED / (time.process_time() - began))
    return max(rates)


def booking() -> Given:
    """What is asked most: a booking, by mail, nothing agreed to and nothing stopped."""
    return Given(
        now=TUESDAY,
        venue=HOME,
        recipient=RecipientFacts(country="PT", email="ana@example.org", status="active"),
        message=MessageFacts(channel="email", class_="transactional", category="booking", features=PLAIN),
        consents=[],
        suppressions=[],
        history=[],
    )


def every_kind() -> list[Given]:
    """Guests of all packs over all channels and classes, who agreed, stopped, got much lately, or did not: shuffled."""
    yes = Consent(kind="express", channels=["email", "sms", "whatsapp", "voice"], categories=["*"],
                  granted_at=TUESDAY - 90 * DAY, confirmed_at=TUESDAY - 90 * DAY + 60_000, source="web_form",
                  wording_version="2", proof_ref="form-7")  # fmt: skip
    stop = Suppression(scope="global", classes=["marketing"], created_at=TUESDAY - 30 * DAY, source="web_form")
    ago = [History(sent_at=TUESDAY - hours * 3_600_000, channel="sms", class_="marketing", category="offers")
           for hours in (1, 2, 30)]  # fmt: skip
    known = [([], [], []), ([yes], [], []), ([yes], [stop], ago), ([yes], [], ago)]
    cases = [
        Given(
            now=TUESDAY,
            venue=HOME,
            recipient=RecipientFacts(country=country, email="ana@example.org", phone=phone, status="active"),
            message=MessageFacts(channel=channel, class_=class_, category="offers",
                                 features=FULL if class_ == "marketing" else PLAIN),
            consents=consents,
            suppressions=suppressions,
            history=history,
        )
        for country, phone in PHONES.items()
        for channel in ("email", "sms", "whatsapp", "voice")
        for class_ in ("marketing", "transactional", "informational")
        for consents, suppressions, history in known
    ]  # fmt: skip
    random.Random(1).shuffle(cases)
    return cases
