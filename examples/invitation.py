"""Invites many guests: looks first who may be written to and when, then sends, and shows how it goes.

export GATEWAY_URL=http://127.0.0.1:8080 GATEWAY_KEY=gk_…
python examples/invitation.py guests.csv          # a rehearsal: nothing is stored, nobody is written to
python examples/invitation.py guests.csv --send

The list has the columns `email`, `name`, `country` and `timezone`; all but the first may be empty.
"""

import csv
import hashlib
import os
import sys
from pathlib import Path

from guest_gateway import Gateway
from guest_gateway.batches import Batch, Tally
from guest_gateway.orders import BulkLetter, Named, Recipient

LETTER: BulkLetter = {
    "channel": "email",
    "class_": "informational",  # the couple invites; nothing is sold
    "category": "invitation",
    "declares": {"contains_promotion": False},
    "subject": "You are invited",
    "text": "Dear {{ name }},\n\nwe are getting married on Saturday 19 June 2027, and would love to have you with us.",
    "reference": "wedding-2027-06-19",
}


def guests(file: Path) -> list[Recipient]:
    """The guests of a list: what it says of each, and what stands for his name in the text."""
    with file.open(newline="") as lines:
        rows = [{name: value for name, value in row.items() if value} for row in csv.DictReader(lines)]
    return [{"to": named(row), "variables": {"name": row.get("name", "guest")}} for row in rows]


def named(row: dict[str, str]) -> Named:
    """A guest, by the columns of a list that are not empty."""
    guest: Named = {"email": row.get("email", "")}
    if "name" in row:
        guest["name"] = row["name"]
    if "country" in row:
        guest["country"] = row["country"]
    if "timezone" in row:
        guest["timezone"] = row["timezone"]
    return guest


def tell(tally: Tally) -> None:
    """What became of the guests, or would."""
    print(f"{tally.accepted} may go, {tally.deferred} of them later; {tally.blocked} may not")
    for blocking in tally.blocked_by:
        print(f"  {blocking.count} because of {blocking.rule}")
    for rejected in tally.rejected[:10]:
        print(f"  line {rejected.index + 2} cannot be used: {rejected.code}")
    if tally.rejected_total > 10:
        print(f"  and {tally.rejected_total - 10} more lines")


def progress(batch: Batch) -> str:
    """How far it is, in one line."""
    return f"{batch.status}: " + ", ".join(f"{count} {state}" for state, count in sorted(batch.counts.items()))


def main(file: str, *options: str) -> None:
    """Rehearse, and with --send invite them all and watch it to its end."""
    invited = guests(Path(file))
    with Gateway(os.environ["GATEWAY_KEY"], os.environ["GATEWAY_URL"]) as gateway:
        rehearsal = gateway.batches.rehearse(invited, **LETTER)
        tell(rehearsal)
        for wait in rehearsal.waits:
            print(f"  {wait.count} in {wait.zone} wait until {wait.until:%d %B %H:%M} UTC")
        if "--send" not in options:
            return
        # The same list is sent once: whoever starts this a second time gets the first answer.
        once = hashlib.sha256(Path(file).read_bytes()).hexdigest()
        batch = gateway.batches.send(invited, idempotency_key=once, **LETTER)
        for seen in gateway.batches.watch(batch.id):
            print(progress(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
