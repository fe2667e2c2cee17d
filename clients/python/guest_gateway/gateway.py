"""The whole gateway, as a program sees it."""

from typing import Generic, Self

import httpx2

from guest_gateway.abuse import Abuse
from guest_gateway.access_rules import AccessRules
from guest_gateway.analytics import Analytics
from guest_gateway.api_keys import ApiKeys
from guest_gateway.audit import Audit
from guest_gateway.auth import Auth
from guest_gateway.batches import Batches
from guest_gateway.breaches import Breaches
from guest_gateway.complaints import Complaints
from guest_gateway.compliance import Compliance
from guest_gateway.consents import Consents
from guest_gateway.data_requests import DataRequests
from guest_gateway.doors import L
from guest_gateway.guests import Guests
from guest_gateway.limits import Limits
from guest_gateway.line import AsyncLine, Line
from guest_gateway.messages import Messages
from guest_gateway.patience import PATIENCE, Patience
from guest_gateway.replies import Replies
from guest_gateway.retention import Retention
from guest_gateway.suppressions import Suppressions
from guest_gateway.templates import Templates
from guest_gateway.users import Users
from guest_gateway.webhooks import Webhooks

HERE = "http://127.0.0.1:8080"
PREFIX = "/communications/"


class Everything(Generic[L]):
    """Everything a gateway can be asked for."""

    def __init__(self, line: L):
        self.messages: Messages[L] = Messages(line)
        self.batches: Batches[L] = Batches(line)
        self.templates: Templates[L] = Templates(line)
        self.guests: Guests[L] = Guests(line)
        self.compliance: Compliance[L] = Compliance(line)
        self.consents: Consents[L] = Consents(line)
        self.replies: Replies[L] = Replies(line)
        self.breaches: Breaches[L] = Breaches(line)
        self.complaints: Complaints[L] = Complaints(line)
        self.data_requests: DataRequests[L] = DataRequests(line)
        self.suppressions: Suppressions[L] = Suppressions(line)
        self.retention: Retention[L] = Retention(line)
        self.audit: Audit[L] = Audit(line)
        self.analytics: Analytics[L] = Analytics(line)
        self.limits: Limits[L] = Limits(line)
        self.abuse: Abuse[L] = Abuse(line)
        self.access_rules: AccessRules[L] = AccessRules(line)
        self.webhooks: Webhooks[L] = Webhooks(line)
        self.api_keys: ApiKeys[L] = ApiKeys(line)
        self.users: Users[L] = Users(line)
        self.auth: Auth[L] = Auth(line)


class Gateway(Everything[Line]):
    """A gateway, for a program that waits for its answers. It keeps connections open: use it with `with`, or close it.

    `key`: an API key or an access token; only `auth` needs none. `patience`: how long it is tried when it does not
    work. `transport`: of the HTTP library, for certificates and proxies of your own. May be shared by threads.
    """

    def __init__(
        self,
        key: str | None,
        url: str = HERE,
        *,
        patience: Patience = PATIENCE,
        transport: httpx2.BaseTransport | None = None,
    ):
        self._http = httpx2.Client(base_url=url.rstrip("/") + PREFIX, headers=_headers(key), transport=transport)
        super().__init__(Line(self._http, patience))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()


class AsyncGateway(Everything[AsyncLine]):
    """A gateway, for a program that does other things meanwhile. As `Gateway`, with `async with` and `await`."""

    def __init__(
        self,
        key: str | None,
        url: str = HERE,
        *,
        patience: Patience = PATIENCE,
        transport: httpx2.AsyncBaseTransport | None = None,
    ):
        self._http = httpx2.AsyncClient(base_url=url.rstrip("/") + PREFIX, headers=_headers(key), transport=transport)
        super().__init__(AsyncLine(self._http, patience))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()


def _headers(key: str | None) -> dict[str, str]:
    """Of every request."""
    headers = {"User-Agent": "guest-gateway-client"}
    return headers | {"Authorization": f"Bearer {key}"} if key else headers
