"""`gateway demo`: the whole way, seen at work: a throw-away gateway, a mail server that receives, and six messages."""

import asyncio
import signal
import sys
import tempfile
import textwrap
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import click
import uvloop
from msgspec import Struct, json

from gateway.cli.client import call
from gateway.cli.place import table
from gateway.cli.receiver import Receiver, free_port
from gateway.cli.serve import prepare, running
from gateway.config import load
from gateway.data_folder import DataFolder
from gateway.ledger import verify
from gateway.logs import Log

SECONDS = 40.0
NIGHTS = (
    ("Asia/Tokyo", "JP", "+81312345678"),
    ("Europe/Paris", "FR", "+33612345678"),
    ("America/New_York", "US", "+12125550142"),
    ("Australia/Sydney", "AU", "+61412345678"),
    ("America/Los_Angeles", "US", "+13105550142"),
)
BOOKING = {"channel": "email", "category": "booking", "declares": {"contains_promotion": False}}
CONFIG = """
config_version = 1
[server]
host = "127.0.0.1"
port = {port}
ops_port = 0
[venue]
name = "Quinta das Flores"
country = "PT"
timezone = "Europe/Lisbon"
language = "en"
[sender]
name = "Quinta das Flores"
email = "hello@quinta.example"
postal_address = "Rua das Flores 1, 2710 Sintra, Portugal"
contact = "+351 219 000 000"
[providers.mail]
plugin = "smtp"
channel = "email"
host = "127.0.0.1"
port = {smtp}
tls = "none"
[providers.texts]
plugin = "outbox"
channel = "sms"
[delivery]
retry = ["2s", "5s", "30s"]
[logs]
level = "warning"
"""


class Scene(Struct):
    """One message of the demonstration: what it shows, and how it must end."""

    shows: str
    order: dict[str, Any]
    ends: str
    consent: dict[str, Any] | None = None
    stopped: bool = False


def scenes(now: datetime) -> list[Scene]:
    """The messages, with one guest in a country where it is night right now."""
    zone, country, phone = night(now)
    yes = {"action": "grant", "source": "web_form", "wording_version": "2026-01", "proof_ref": "form 17, line 3"}
    offer = {"class": "marketing", "category": "news", "declares": {"contains_promotion": True}}
    spring = "The garden opens on 1 March. Come and see it."
    news = offer | {"channel": "email", "subject": "Spring at the Quinta", "text": spring}
    text = offer | {"channel": "sms", "text": spring}
    booking = BOOKING | {"class": "transactional", "subject": "Your stay", "text": "See you on Friday."}
    return [
        Scene("booking confirmation", booking | {"to": guest("ana", "PT")}, "sent"),
        Scene("news, the guest said yes", news | {"to": guest("bela", "PT")}, "sent", yes),
        Scene("news to Germany, not confirmed", news | {"to": guest("dieter", "DE")}, "blocked", yes),
        Scene("news, the guest said stop", news | {"to": guest("emma", "US")}, "blocked", stopped=True),
        Scene(
            "a text where it is night",
            text | {"to": {"phone": phone, "country": country, "timezone": zone}},
            "deferred",
            yes | {"kind": "express_written", "channels": ["sms"]},
        ),
        Scene("booking, the server says 451 first", booking | {"to": guest("retry", "PT")}, "sent"),
    ]


def guest(name: str, country: str) -> dict[str, str]:
    """A guest of the demonstration, as a request names one."""
    return {"email": f"{name}@guests.example", "country": country}


def night(now: datetime) -> tuple[str, str, str]:
    """Zone, country and number of a guest who should be asleep."""
    return next(place for place in NIGHTS if not 8 <= now.astimezone(ZoneInfo(place[0])).hour < 21)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--stay", is_flag=True, help="Go on serving, for a test of your own, until it is ended.")
def demo(as_json: bool, stay: bool) -> None:
    """Show it working: six messages, judged, delivered or not, and the record that proves it."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(0 if runner.run(_demo(as_json, stay)) else 1)


async def _demo(as_json: bool, stay: bool) -> bool:
    mails = Path(tempfile.mkdtemp(prefix="gateway-demo-mails-"))  # to be looked at afterwards
    with tempfile.TemporaryDirectory(prefix="gateway-demo-") as folder:
        data = DataFolder(Path(folder) / "data")
        with Receiver(mails, refuse_once="retry@") as receiver:
            prepare(data)
            file = Path(folder) / "config.toml"
            file.write_text(CONFIG.format(port=free_port(), smtp=receiver.port))
            async with running(load(file, {}), data, Log(sys.stderr, "warning")) as gateway:
                return await Show(gateway, mails, as_json, stay).run()


class Show:
    """Plays the scenes against the running gateway, over HTTP like any client."""

    def __init__(self, gateway: Any, mails: Path, as_json: bool, stay: bool):
        self._gateway, self._mails, self._as_json, self._stay = gateway, mails, as_json, stay
        self._url = f"http://127.0.0.1:{gateway.ports[0]}"
        self._base = f"{self._url}/communications"

    async def run(self) -> bool:
        """True when every message ended as it should and the record verifies."""
        self._key = await self._draw_key()
        plan = scenes(datetime.now(UTC))
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {self._key}"}) as self._http:
            results = [await self._play(scene) for scene in plan]
            results = [await self._settle(scene, result) for scene, result in zip(plan, results, strict=True)]
            audit = await asyncio.to_thread(verify, self._gateway.data.database)
            good = all(result["status"] == scene.ends for scene, result in zip(plan, results, strict=True)) and audit.ok
            self._tell(results, audit, good)
            if self._stay or (sys.stdout.isatty() and not self._as_json):
                await _until_ended()
        return good

    async def _draw_key(self) -> str:
        body = {"name": "demo", "scopes": ["all"]}
        return (await call(self._gateway.data.socket, "POST", "/communications/api-keys", body))["key"]

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        async with self._http.post(f"{self._base}/{path}", json=body) as answer:
            return await answer.json(content_type=None)

    async def _play(self, scene: Scene) -> dict[str, Any]:
        """Set the scene, send the message; the gateway's answer."""
        whom = scene.order["to"]
        if scene.stopped:
            await self._post("compliance/unsubscribe", {"guest": whom})
        if scene.consent:
            await self._introduce(whom)
            await self._post("compliance/consent", {"guest": whom} | scene.consent)
        return await self._post("messages/send", scene.order)

    async def _introduce(self, whom: dict[str, Any]) -> None:
        """Make the guest known by a message about his booking, as happens in life."""
        channel = "email" if "email" in whom else "sms"
        words = {"class": "informational", "subject": "Your booking", "text": "Thank you for your booking."}
        order = BOOKING | words | {"channel": channel, "to": whom}
        await self._post("messages/send", order)

    async def _settle(self, scene: Scene, answer: dict[str, Any]) -> dict[str, Any]:
        """Wait until a message has come to its end (or to its wait), and say how it stands."""
        public = answer.get("id") or answer.get("message_id")
        if public is None:
            return {
                "shows": scene.shows,
                "id": None,
                "status": "refused",
                "why": answer.get("detail", ""),
                "until": None,
            }
        message: dict[str, Any] = {}
        for _ in range(int(SECONDS * 10)):
            message = await self._get(f"messages/{public}")
            if message["status"] == scene.ends:
                break
            await asyncio.sleep(0.1)
        return {
            "shows": scene.shows,
            "id": public,
            "channel": message["channel"],
            "status": message["status"],
            "until": message["due_at"] if message["status"] == "deferred" else None,
            "reasons": message["compliance"]["reasons"],
            "why": why(message),
            "tries": len(message["attempts"]),
        }

    async def _get(self, path: str) -> dict[str, Any]:
        async with self._http.get(f"{self._base}/{path}") as answer:
            return await answer.json()

    def _tell(self, results: list[dict[str, Any]], audit: Any, good: bool) -> None:
        if self._as_json:
            told = {"messages": results, "audit": audit, "ok": good}
            if self._stay:
                told |= {"url": self._url, "key": self._key, "mails": str(self._mails)}
            click.echo(json.encode(told).decode())
            return
        rows = [row for one in results for row in in_rows(one)]
        click.echo(table(rows, ("MESSAGE", "WHAT BECAME OF IT", "WHY")))
        state = "not altered" if audit.ok else f"ALTERED at entry {audit.seq}: {audit.reason}"
        click.echo(f"\nThe record: {audit.size} entries, {state}.")
        click.echo(f"The mails that arrived lie in {self._mails}")
        click.echo(f"Try it: curl -s -H 'Authorization: Bearer {self._key}' {self._base}/messages?limit=5")
        click.echo(f"Or the programs in examples/: export GATEWAY_URL={self._url} GATEWAY_KEY={self._key}")


async def _until_ended() -> None:
    """Keep serving until somebody presses Ctrl-C, or ends the process."""
    click.echo("\nServing until you press Ctrl-C.", err=True)
    stop = asyncio.Event()
    for ended in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(ended, stop.set)
    await stop.wait()


def in_rows(one: dict[str, Any]) -> list[tuple[str, str, str]]:
    """One message in the table, its reason broken into lines that fit."""
    state = WORDS.get(one["status"], one["status"])
    if one["until"]:
        state += f" until {one['until'][11:16]} UTC"
    lines = textwrap.wrap(one["why"], 72) or [""]
    return [(one["shows"], state, lines[0]), *[("", "", line) for line in lines[1:]]]


WORDS = {"sent": "delivered", "blocked": "may not go", "deferred": "waits", "failed": "failed"}


def why(message: dict[str, Any]) -> str:
    """The reason that counts most, with its source."""
    law = message["compliance"]
    if law["reasons"]:
        told = {one["rule"]: one for one in law["explanation"]}
        stops = [rule for rule in law["reasons"] if rule.startswith("CORE-SUP")]
        return cited(told[(stops or law["reasons"])[-1 if not stops else 0]])
    tries = len(message["attempts"])
    return f"allowed by {', '.join(law['basis']) or 'law'}" + (f", at try {tries}" if tries > 1 else "")


def cited(one: dict[str, str]) -> str:
    """A rule in words, with its source."""
    return f"{one['text']} ({one['rule']}: {one['citation']})"
