"""People for a test: added as an administrator adds them, signed in as they sign in."""

from tests.running import Running

PASSWORD = "zwei Kaffee am Morgen"
USERS, KEYS, TOKEN = "/communications/users", "/communications/api-keys", "/communications/auth/token"


class Person:
    """A user with his tokens."""

    def __init__(self, run: Running, id_: str, email: str):
        self.run, self.id, self.email = run, id_, email
        self.access = self.refresh = ""

    async def sign_in(self, password: str = PASSWORD, **more):
        """Sign in; what was answered."""
        reply = await sign_in(self.run, self.email, password, **more)
        if reply.status == 200:
            self.take(reply)
        return reply

    async def go_on(self, token: str | None = None):
        """Refresh; what was answered."""
        body = {"grant": "refresh", "refresh_token": token or self.refresh}
        reply = await self.run.call("POST", TOKEN, body, headers={"Authorization": None})
        if reply.status == 200:
            self.take(reply)
        return reply

    def take(self, reply) -> None:
        """These are the tokens now."""
        self.access, self.refresh = reply.json["access_token"], reply.json["refresh_token"]

    async def call(self, method: str, path: str, body=None, **more):
        """A request with his access token."""
        headers = {"Authorization": f"Bearer {self.access}"} | more.pop("headers", {})
        return await self.run.call(method, f"/communications/{path}", body, headers=headers, **more)

    async def enters(self, path: str = "messages") -> int:
        """The status he gets at a door."""
        return (await self.call("GET", path)).status


async def sign_in(run: Running, email: str, password: str, code: str | None = None, source: str | None = None):
    """A try to sign in, from an address where `source` says so."""
    body = {"grant": "password", "email": email, "password": password} | ({"code": code} if code else {})
    headers = {"Authorization": None} | ({"X-Forwarded-For": source} if source else {})
    return await run.call("POST", TOKEN, body, headers=headers)


async def added(run: Running, role: str, email: str | None = None) -> Person:
    """A user with a password, who has not signed in."""
    email = email or f"{role}@quinta.example"
    body = {"email": email, "name": role.title(), "role": role, "password": PASSWORD}
    made = await run.local("POST", "/local/users", body)
    assert made.status == 201, made.json
    return Person(run, made.json["id"], email)


async def person(run: Running, role: str, email: str | None = None) -> Person:
    """A user who has signed in."""
    one = await added(run, role, email)
    assert (await one.sign_in()).status == 200
    return one
