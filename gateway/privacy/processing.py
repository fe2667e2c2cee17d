"""The record of processing activities (GDPR Art. 30; REC-1), made from config.toml and from what the program does: what
for, whose data and which, who gets it, where it goes, how long it stays, how it is kept safe."""

from typing import Any

from msgspec import Struct, field, structs

from gateway.clock import Clock, rfc3339
from gateway.config import Config, explain, show
from gateway.store import webhooks
from gateway.store.db import Database
from gateway.vault import Vault
from gateway.views import Time
from gateway.webhooks.target import unseal

PURPOSES = (
    ("transactional", "what a booking or a contract needs: confirmations, changes, arrival",
     "performance of a contract, GDPR Art. 6(1)(b)"),
    ("informational", "news of an event on behalf of its host: invitations, directions, reminders",
     "legitimate interests of host and guests, GDPR Art. 6(1)(f)"),
    ("marketing", "offers of the venue, to guests who agreed or where a law allows it without",
     "consent, GDPR Art. 6(1)(a), or legitimate interests, Art. 6(1)(f); ePrivacy Directive Art. 13"),
    ("emergency", "danger to life or property", "vital interests, GDPR Art. 6(1)(d)"),
    ("legal", "notices and answers that a law asks for", "legal obligation, GDPR Art. 6(1)(c)"),
)  # fmt: skip
DATA = (
    ("guests", "names, e-mail addresses, phone numbers, language, country, time zone, tags, who supplied them"),
    ("guests", "messages: texts, variables, times, what became of them, why they were allowed"),
    ("guests", "consents with their proof, and stops"),
    ("guests", "requests about their data, and the breaches they are affected by"),
    ("staff", "names, e-mail addresses, roles, sign-ins, and what each of them did"),
    ("others", "IP addresses of those who were held up for abuse"),
)
KEPT = (
    ("stops (a keyed hash of the address), so that a no outlives everything else", "without end"),
    ("the record of who did what, by ids alone", "without end"),
    ("breaches, from when they are closed", "6 years"),
    ("IP addresses of those who were held up for abuse", "30 days"),
    ("guests and messages, where no time is set below", "until they are erased"),
)
SECURITY = (
    "names, addresses and texts are encrypted (AES-256-GCM), under a key of each guest's own that erasure destroys",
    "look-up by address goes over a keyed hash; keys are kept apart from the data",
    "people have roles, passwords hashed with Argon2id, and a second factor; programs have keys with scopes that end",
    "every act, and every look at content, is in a hash-chained record with signed checkpoints",
    "what is accepted is on disk before it is confirmed",
    "requests to addresses that callers give reach public addresses alone",
)


class Purpose(Struct, frozen=True):
    """What messages of a class are for, and the legal basis."""

    class_: str = field(name="class")
    purpose: str
    basis: str


class Kind(Struct, frozen=True):
    """Data about whom, and which."""

    people: str
    data: str


class Taker(Struct, frozen=True):
    """Somebody data goes to: for what, at which host, in which country, where config.toml says so."""

    name: str
    gets: str
    host: str | None
    country: str | None


class Kept(Struct, frozen=True):
    """What is kept, and for how long."""

    what: str
    period: str


class ProcessingRecord(Struct, frozen=True):
    """The record. `transfers`: who of the recipients is in another country than the venue, or nobody says in which.
    `text`: all of it to be read or printed."""

    made_at: Time
    controller: dict[str, str]
    purposes: list[Purpose]
    categories: list[Kind]
    recipients: list[Taker]
    transfers: list[Taker]
    retention: list[Kept]
    security: list[str]
    text: str


class Processing:
    """Writes the record."""

    def __init__(self, config: Config, db: Database, vault: Vault, clock: Clock):
        self._config, self._db, self._vault, self._clock = config, db, vault, clock

    async def record(self) -> ProcessingRecord:
        """The record as things stand now."""
        takers = [*self._providers(), *await self._db.read(self._webhooks), *self._outside()]
        home = self._config.venue.country
        whole = ProcessingRecord(
            made_at=rfc3339(self._clock.now()),
            controller=self._controller(),
            purposes=[Purpose(*one) for one in PURPOSES],
            categories=[Kind(*one) for one in DATA],
            recipients=takers,
            transfers=[one for one in takers if one.country is None or one.country != home],
            retention=[Kept(*one) for one in KEPT] + self._periods(),
            security=[*SECURITY, *self._more_security()],
            text="",
        )
        return _with_text(whole)

    def _controller(self) -> dict[str, str]:
        venue, sender = self._config.venue, self._config.sender
        known = {"name": venue.name or sender.name, "country": venue.country or "", "region": venue.region or "",
                 "address": sender.postal_address, "contact": sender.contact, "email": sender.email}  # fmt: skip
        return {name: value for name, value in known.items() if value}

    def _providers(self) -> list[Taker]:
        said = {one.key: (one.value or "").strip('"') for one in show(self._config)}
        return [
            Taker(name, f"{table.channel} messages with their address, by {table.plugin}",
                  said.get(f"providers.{name}.host") or _host(said.get(f"providers.{name}.url", "")), table.country)
            for name, table in self._config.providers.items()
        ]  # fmt: skip

    def _webhooks(self, reader: Any) -> list[Taker]:
        hooks = [webhooks.get(reader, row) for row in sorted(webhooks.enabled(reader))]
        return [
            Taker(f"webhook {number}", "events of messages" + (" with metadata" if hook.include_metadata else ""),
                  _host(unseal(self._vault, hook.uuid, hook.target_sealed).url), None)
            for number, hook in enumerate(filter(None, hooks), start=1)
        ]  # fmt: skip

    def _outside(self) -> list[Taker]:
        """Where checkpoints go: they hold nothing about anybody, and are named all the same."""
        table = self._config.audit
        places = [_host(table.webhook)] if table.webhook else []
        return [
            Taker("checkpoints", "the signed root of the record, no personal data", place, None) for place in places
        ]

    def _periods(self) -> list[Kept]:
        """Every time of the section `retention`, in the words of its key."""
        return [
            Kept(explain(one.key).splitlines()[1].strip(), (one.value or "").strip('"'))
            for one in show(self._config)
            if one.key.startswith("retention.")
        ]

    def _more_security(self) -> list[str]:
        table = self._config.audit
        places = [name for name in ("file", "webhook", "email") if getattr(table, name)]
        return [f"checkpoints of the record are kept outside ({', '.join(places)})"] if places else []


def _host(url: str) -> str | None:
    """The host of an address."""
    return url.partition("://")[2].partition("/")[0] or None


def _with_text(record: ProcessingRecord) -> ProcessingRecord:
    parts = {
        "Controller": [f"{name}: {value}" for name, value in record.controller.items()],
        "Purposes": [f"{one.class_}: {one.purpose} ({one.basis})" for one in record.purposes],
        "Whose data, and which": [f"{one.people}: {one.data}" for one in record.categories],
        "Recipients": [_told(one) for one in record.recipients],
        "Transfers, or not known to be none": [_told(one) for one in record.transfers],
        "Kept for": [f"{one.what}: {one.period}" for one in record.retention],
        "Security": record.security,
    }
    lines = [f"Record of processing activities, {record.made_at}"]
    for head, items in parts.items():
        lines += ["", head, *[f"- {item}" for item in items or ["none"]]]
    return structs.replace(record, text="\n".join(lines) + "\n")


def _told(one: Taker) -> str:
    place = ", ".join(filter(None, (one.host, one.country or "country not said")))
    return f"{one.name}: {one.gets} ({place})"
