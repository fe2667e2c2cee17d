"""Receives what the gateway tells: believes nothing that it did not sign, and takes nothing twice.

export WEBHOOK_SECRET=whsec_…      # shown when the webhook was made
python examples/receiving_webhooks.py 8090

The gateway posts to https on port 443 only: put the proxy of your web server in front.
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from guest_gateway import BadSignature, Event, verified

LARGEST = 1 << 20


class Inbox(BaseHTTPRequestHandler):
    """Answers 204 for what was taken, 401 for what was not sent by the gateway. Whatever else it answers, or nothing,
    makes the gateway send it again later, with the same id."""

    seen: set[str] = set()  # noqa: RUF012 yours is a table with a unique column

    def do_POST(self) -> None:
        """One event."""
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), LARGEST))
        try:
            event = verified(body, dict(self.headers), os.environ["WEBHOOK_SECRET"].split())
        except BadSignature:
            return self.answer(401)
        if event.id not in self.seen:
            take(event)
            self.seen.add(event.id)
        return self.answer(204)

    def answer(self, status: int) -> None:
        """A status and nothing more."""
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: `take` says what there is to say."""


def take(event: Event) -> None:
    """What your system does with it: here, a line."""
    print(f"{event.type}: {event.data.get('message_id', '')} {event.data.get('reference') or ''}".rstrip(), flush=True)


def main(port: str) -> None:
    """Receive until it is ended."""
    with ThreadingHTTPServer(("127.0.0.1", int(port)), Inbox) as server:
        print(f"listening on {server.server_port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
