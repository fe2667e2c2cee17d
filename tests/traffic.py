"""A morning's traffic at a gateway, made from a seed: everybody who may come to one, and an attacker of each kind.

Every request comes from where its row says (the gateway believes the proxy that the test is), at its time on a clock
that the test moves. `python -m tests.traffic` prints it as CSV.
"""

import csv
import random
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

SEED = 20_261_124
HOUR = 3600.0
OFFICE = "198.51.100.7"
"""Twenty people behind one address; one of the attackers sits among them."""
NOWHERE = "/communications/messages"
OPEN = "/communications/auth/keys"
TOKEN = "/communications/auth/token"
SEND = "/communications/messages/send"


class Ask(NamedTuple):
    """A request: when (seconds), by whom, from where, under which name, and what. `shows`: none, or which key: `key` a
    good one, `session` of the person `who`, `revoked` one, or what was made up. `body`: in words, see `bodies`."""

    at: float
    who: str
    address: str
    agent: str
    method: str
    path: str
    shows: str = ""
    body: str = ""


CAUGHT_WITHIN = {
    "rapid_fire": 110, "user_agents": 35, "scanning": 20, "key_guessing": 25, "guessing_in_the_office": 25,
    "many_keys": 110, "sudden_jump": 200, "refusals": 90,
}  # fmt: skip
"""The attackers without a key, and how many requests each may make before he is held up."""


def morning() -> list[Ask]:
    """All of it, in the order of time."""
    draw = random.Random(SEED)
    everybody: list[Callable[[random.Random], Iterator[Ask]]] = [
        booking_system, coordinator, office, monitoring, forgotten_program, guests, mail_scanner, mistyper,
        rapid_fire, user_agents, scanner, guesser, guesser_in_the_office, many_addresses, jumper, stubborn, bad_list,
    ]  # fmt: skip
    return sorted((ask for one in everybody for ask in one(draw)), key=lambda ask: ask.at)


# -- those who should ------------------------------------------------------------------------------------------------


def booking_system(draw: random.Random) -> Iterator[Ask]:
    """Confirmations as bookings come, and reminders of the day at a stroke."""
    times = [draw.uniform(0, 2 * HOUR) for _ in range(240)] + [1.5 * HOUR + draw.uniform(0, 50) for _ in range(70)]
    for at in times:
        yield Ask(at, "booking system", "203.0.113.10", "booking/4.2", "POST", SEND, "key", "send")


def coordinator(draw: random.Random) -> Iterator[Ask]:
    """Bulk after bulk, some lines of each list wrong, and a look at each batch every few seconds."""
    for number in range(6):
        began = HOUR + number * 400
        yield Ask(began, "coordinator", OFFICE, "Firefox/150", "POST", "/communications/messages/bulk", "session",
                  f"bulk {number}")  # fmt: skip
        for look in range(20):
            at = began + 5 + look * 3 + draw.random()
            yield Ask(at, "coordinator", OFFICE, "Firefox/150", "GET", NOWHERE, "session")


def office(draw: random.Random) -> Iterator[Ask]:
    """Twenty people come to work: each with a token of yesterday, signs in, and asks for icons that are not there."""
    for number in range(20):
        at, agent, who = draw.uniform(0, 1500), f"Browser/{number}", f"person {number}"
        yield Ask(at, who, OFFICE, agent, "GET", NOWHERE, "yesterday")
        yield Ask(at + 1, who, OFFICE, agent, "GET", "/favicon.ico")
        yield Ask(at + 2, who, OFFICE, agent, "GET", "/apple-touch-icon.png")
        yield Ask(at + 5, who, OFFICE, agent, "POST", TOKEN, "", "password")
        for _ in range(12):
            yield Ask(at + 6 + draw.uniform(0, HOUR), who, OFFICE, agent, "GET", NOWHERE, "session")


def monitoring(draw: random.Random) -> Iterator[Ask]:
    """Health, a door that wants a key, and a page that does not exist, for ever."""
    for number in range(120):
        at = number * 60 + draw.random()
        yield Ask(at, "monitoring", "203.0.113.20", "probe/1", "GET", "/communications/health")
        yield Ask(at + 1, "monitoring", "203.0.113.20", "probe/1", "GET", NOWHERE)
        yield Ask(at + 2, "monitoring", "203.0.113.20", "probe/1", "GET", "/status")


def forgotten_program(draw: random.Random) -> Iterator[Ask]:
    """It was never told that its key was revoked."""
    for number in range(240):
        at = number * 15 + draw.random()
        yield Ask(at, "forgotten program", "203.0.113.30", "cron/1", "GET", NOWHERE, "revoked")


def guests(draw: random.Random) -> Iterator[Ask]:
    """They got an offer, and some want no more; many of them share a mobile network's address."""
    for number in range(80):
        at, address = 1.4 * HOUR + draw.expovariate(1 / 400), f"192.0.2.{draw.randrange(1, 4)}"
        yield Ask(at, "guest", address, f"Phone/{number % 9}", "GET", f"unsubscribe {number}")
        if number % 3 == 0:
            yield Ask(at + 8, "guest", address, f"Phone/{number % 9}", "POST", f"unsubscribe {number}", "", "one click")


def mail_scanner(draw: random.Random) -> Iterator[Ask]:
    """It opens every link of every mail within a minute, some of them cut off."""
    for number in range(200):
        at, cut = 1.4 * HOUR + draw.uniform(0, 60), "cut " if number % 20 == 0 else ""
        yield Ask(at, "mail scanner", "203.0.113.40", "Mozilla/5.0", "GET", f"{cut}unsubscribe {number}")


def mistyper(draw: random.Random) -> Iterator[Ask]:
    """He knows that it was something with a 7."""
    for number in range(7):
        at = 0.7 * HOUR + number * 30 + draw.random()
        yield Ask(at, "mistyper", "203.0.113.50", "Firefox/150", "POST", TOKEN, "", "wrong password")
    yield Ask(0.7 * HOUR + 300, "mistyper", "203.0.113.50", "Firefox/150", "POST", TOKEN, "", "password")


# -- those who should not --------------------------------------------------------------------------------------------


def rapid_fire(draw: random.Random) -> Iterator[Ask]:
    for number in range(300):
        yield Ask(1000 + number * 0.05, "rapid_fire", "100.64.1.1", "tool/1", "GET", OPEN)


def user_agents(draw: random.Random) -> Iterator[Ask]:
    for number in range(60):
        yield Ask(2000 + number * 2, "user_agents", "100.64.2.1", f"Mozilla/5.{draw.random()}", "GET", NOWHERE)


def scanner(draw: random.Random) -> Iterator[Ask]:
    for number in range(60):
        yield Ask(3000 + number, "scanning", "2001:db8:3::1", "nuclei", "GET", f"/wp-admin/{number}.php")


def guesser(draw: random.Random) -> Iterator[Ask]:
    for number in range(40):
        yield Ask(3500 + number * 6, "key_guessing", "100.64.4.1", "tool/1", "GET", NOWHERE, f"gk_guess{number}")


def guesser_in_the_office(draw: random.Random) -> Iterator[Ask]:
    for number in range(40):
        at = 1.2 * HOUR + number * 5
        yield Ask(at, "guessing_in_the_office", OFFICE, "tool/1", "GET", NOWHERE, f"gk_inside{number}")


def many_addresses(draw: random.Random) -> Iterator[Ask]:
    """Never more than one key from one address before the next has its turn."""
    for number in range(400):
        address = f"100.64.5.{number // 2 % 250 + 1}"
        yield Ask(4000 + number, "many_keys", address, "tool/1", "GET", NOWHERE, f"gk_list{number}")


def jumper(draw: random.Random) -> Iterator[Ask]:
    """An hour of good behaviour, then three a second."""
    for number in range(64):
        yield Ask(number * 60, "sudden_jump quiet", "100.64.6.1", "tool/1", "GET", OPEN)
    for number in range(300):
        yield Ask(1.1 * HOUR + number / 3, "sudden_jump", "100.64.6.1", "tool/1", "GET", OPEN)


def stubborn(draw: random.Random) -> Iterator[Ask]:
    for number in range(150):
        yield Ask(5000 + number, "refusals", "100.64.7.1", "tool/1", "GET", NOWHERE)


def bad_list(draw: random.Random) -> Iterator[Ask]:
    """A key that tries which addresses are any good."""
    for number in range(60):
        at = 1.6 * HOUR + number
        yield Ask(at, "invalid_recipients", "100.64.8.1", "tool/1", "POST", SEND, "list key", "bad send")


if __name__ == "__main__":
    csv.writer(sys.stdout).writerows([Ask._fields, *morning()])
