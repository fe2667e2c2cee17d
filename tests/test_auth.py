"""Signing in and staying in: tokens that say little and end soon, sessions that notice a theft, waits for guessers."""

import asyncio
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway import totp
from gateway.errors import QuotaExceeded
from gateway.lockout import Lockout
from tests.people import KEYS, PASSWORD, TOKEN, USERS, added, person, sign_in
from tests.running import CONFIG, running

JWKS = "/communications/auth/keys"
DAY = 86_400
PROXIED = CONFIG + '[server]\nproxies = ["127.0.0.0/8"]\n'
WRONG = "falsche Kaffeesorte"


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway behind a proxy that does not deliver; it is 10:00 UTC."""
    async with running(tmp_path, PROXIED, clock=clock, deliver=False) as run:
        yield run


def encoded(document):
    return urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


def decoded(part):
    return json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))


async def enter(run, token, path="/communications/messages"):
    return (await run.call("GET", path, headers={"Authorization": f"Bearer {token}"})).status


# -- access tokens ---------------------------------------------------------------------------------------------------


async def test_a_token_opens_the_doors_of_its_users_role_for_a_quarter_of_an_hour(run, clock):
    """It says who and until when, and nothing about rights or persons."""
    reader = await person(run, "reader")
    header, claims, _ = reader.access.split(".")
    assert decoded(header).keys() == {"alg", "typ", "kid"}
    assert decoded(header)["alg"] == "EdDSA"
    assert decoded(claims).keys() == {"iss", "aud", "sub", "iat", "exp", "jti", "sid"}
    assert (decoded(claims)["sub"], decoded(claims)["exp"] - decoded(claims)["iat"]) == (reader.id, 900)
    assert (await reader.enters(), await reader.enters("users")) == (200, 403)
    clock.forward(899)
    assert await reader.enters() == 200
    clock.forward(1)
    assert await reader.enters() == 401


async def test_anybody_can_check_a_token_with_the_published_keys(run):
    """The key that the header names verifies the signature."""
    reader = await person(run, "reader")
    (key,) = (await run.call("GET", JWKS, headers={"Authorization": None})).json["keys"]
    signed, _, signature = reader.access.rpartition(".")
    assert (key["kid"], key["alg"], key["crv"]) == (decoded(signed.split(".")[0])["kid"], "EdDSA", "Ed25519")
    public = Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(key["x"] + "="))
    public.verify(urlsafe_b64decode(signature + "=="), signed.encode())


def forged(token, how):
    """A token somebody made up."""
    header, claims, signature = token.split(".")
    good = decoded(header)
    own = Ed25519PrivateKey.generate()

    def signed(head, body=claims):
        text = f"{encoded(head)}.{body}"
        return f"{text}.{urlsafe_b64encode(own.sign(text.encode())).decode().rstrip('=')}"

    return {
        "no algorithm": f"{encoded(good | {'alg': 'none'})}.{claims}.",
        "another algorithm": f"{encoded(good | {'alg': 'HS256'})}.{claims}.{signature}",
        "another key": signed(good),
        "a key of his own": signed(good | {"jwk": {"kty": "OKP"}, "kid": "mine"}),
        "other claims": f"{header}.{encoded(decoded(claims) | {'exp': 1 << 40})}.{signature}",
        "no signature": f"{header}.{claims}.",
        "a loose end": f"{token}.x",
        "spare bits": f"{header}.{claims}.{signature[:-1]}{chr(ord(signature[-1]) + 1)}",
        "not ASCII": f"{token}é",
        "very long": f"{token}{'x' * 2000}",
        "a piece": header,
    }[how]


@pytest.mark.parametrize(
    "how",
    ["no algorithm", "another algorithm", "another key", "a key of his own", "other claims", "no signature",
     "a loose end", "spare bits", "not ASCII", "very long", "a piece"],
)  # fmt: skip
async def test_a_forged_token_is_nobodys(run, how):
    """Algorithm, type and key are ours or it is no token; the real one beside it is good."""
    reader = await person(run, "reader")
    assert await enter(run, forged(reader.access, how)) == 401
    assert await reader.enters() == 200


@pytest.mark.parametrize(
    "change",
    [{"iss": "http://elsewhere"}, {"aud": "elsewhere"}, {"exp": 0}, {"iat": 1 << 40}, {"sub": "key_aaaaaaaa"},
     {"sid": "ses_00000000000000000000000000"}, {"sid": "x"}, {"sid": None}, {"exp": "x"}],
)  # fmt: skip
async def test_a_token_of_ours_for_something_else_is_not_good_here(run, change):
    """Signed with the right key, and yet: another issuer or audience, another time, another session."""
    reader = await person(run, "reader")
    claims = decoded(reader.access.split(".")[1])
    sign = run.gateway.vault.jwt.sign
    assert await enter(run, sign(json.dumps(claims | change).encode())) == 401
    assert await enter(run, sign(json.dumps(claims).encode())) == 200


async def test_a_token_of_another_gateway_is_nobodys(run, tmp_path, clock):
    """Each gateway draws its own keys."""
    async with running(tmp_path / "other", clock=clock, deliver=False) as other:
        reader = await person(other, "reader")
        assert await enter(run, reader.access) == 401
        assert await enter(other, reader.access) == 200


async def test_the_signing_key_is_renewed_without_anybody_noticing(run):
    """Tokens of the key before are good until the next renewal, which is how a lost key is ended."""
    reader = await person(run, "reader")
    assert (await run.local("POST", "/local/key/jwt")).status == 200
    assert await reader.enters() == 200
    old = reader.access
    assert (await reader.go_on()).status == 200
    assert old.split(".")[0] != reader.access.split(".")[0]
    renewed = (await run.local("POST", "/local/key/jwt")).json["keys"]
    assert [key["kid"] for key in renewed][1] == decoded(reader.access.split(".")[0])["kid"]
    assert (await enter(run, old), await reader.enters()) == (401, 200)


async def test_renewed_keys_outlive_a_restart(tmp_path, clock):
    """What was signed before a renewal and a restart is still good."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        reader = await person(run, "reader")
        await run.local("POST", "/local/key/jwt")
    async with running(tmp_path, clock=clock, deliver=False) as run:
        assert await enter(run, reader.access) == 200
        assert len((await run.call("GET", JWKS)).json["keys"]) == 2


# -- what ends a token at once ---------------------------------------------------------------------------------------


async def demote(run, one):
    return await run.call("PATCH", f"{USERS}/{one.id}", {"role": "reader"})


async def remove(run, one):
    return await run.call("DELETE", f"{USERS}/{one.id}")


async def new_password(run, one):
    return await run.local("POST", "/local/users/password", {"user": one.id, "password": f"{PASSWORD}!"})


async def own_password(_, one):
    return await one.call("POST", "auth/password", {"old_password": PASSWORD, "password": f"{PASSWORD}!"})


async def log_out(_, one):
    return await one.call("POST", "auth/logout")


async def renew_twice(run, _):
    await run.local("POST", "/local/key/jwt")
    return await run.local("POST", "/local/key/jwt")


@pytest.mark.parametrize(
    ("change", "then"),
    [(demote, 403), (remove, 401), (new_password, 401), (own_password, 401), (log_out, 401), (renew_twice, 401)],
)
async def test_a_changed_right_is_refused_at_once_under_load(run, clock, change, then):
    """From the answer to the change on, not one request passes with a token that was just now believed."""
    one, other = await person(run, "admin"), await person(run, "admin", "other@quinta.example")
    assert set(await asyncio.gather(*[one.enters("users") for _ in range(10)])) == {200}
    crowd = [asyncio.create_task(one.enters("users")) for _ in range(10)]
    assert (await change(run, one)).status in (200, 204)
    assert set(await asyncio.gather(*[one.enters("users") for _ in range(10)])) <= {then, 429}
    assert set(await asyncio.gather(*crowd)) <= {200, then, 429}
    clock.forward(60)
    assert await other.enters("users") == (401 if change is renew_twice else 200)


async def test_whoever_changes_his_password_shows_the_old_one(run):
    """A token alone is not enough, nor is a weak new one taken; afterwards the new one lets him in."""
    one = await person(run, "reader")
    wrong = await one.call("POST", "auth/password", {"old_password": WRONG, "password": f"{PASSWORD}!"})
    weak = await one.call("POST", "auth/password", {"old_password": PASSWORD, "password": "short"})
    assert (wrong.status, weak.status) == (401, 422)
    assert await one.enters() == 200
    assert (await own_password(run, one)).status == 204
    assert (await one.sign_in()).status == 401
    assert (await one.sign_in(f"{PASSWORD}!")).status == 200


async def test_a_program_has_no_password_and_no_session(run):
    """What is for people is refused to a key, whatever its scopes."""
    for path, body in (("logout", None), ("password", {"old_password": "x", "password": PASSWORD}),
                       ("totp", {"password": "x"}), ("totp/confirm", {"code": "123456"}),
                       ("totp/off", {"password": "x"})):  # fmt: skip
        assert (await run.call("POST", f"/communications/auth/{path}", body)).status == 403


# -- refresh tokens --------------------------------------------------------------------------------------------------


async def test_a_refresh_token_works_once_and_its_second_use_ends_the_session(run):
    """Whoever has the newer one, the thief or the owner, is out; another session of the same user goes on."""
    one = await person(run, "reader")
    first, other = one.refresh, await sign_in(run, one.email, PASSWORD)
    assert (await one.go_on()).status == 200
    second, access = one.refresh, one.access
    assert second != first and await one.enters() == 200
    assert (await one.go_on(first)).status == 401
    assert await enter(run, access) == 401
    assert (await one.go_on(second)).status == 401
    assert await enter(run, other.json["access_token"]) == 200
    actions = [entry for (entry,) in run.gateway.db.reader.execute("SELECT entry FROM audit")]
    assert sum(b'"session.reused"' in entry for entry in actions) == 1


async def test_of_two_refreshes_at_once_one_is_taken(run):
    """Never do two sessions come out of one."""
    one = await person(run, "reader")
    replies = await asyncio.gather(one.go_on(), one.go_on())
    assert sorted(reply.status for reply in replies) == [200, 401]


@pytest.mark.parametrize("change", ["x", "gr_", "gr_x_0_y"])
async def test_a_refresh_token_that_was_not_made_here_ends_nothing(run, change):
    """Made up, cut off or altered: refused, and the session it names goes on."""
    one = await person(run, "reader")
    name, session, generation, seal = one.refresh.split("_", 3)
    for bad in (change, f"{name}_{session}_1_{seal}", f"{name}_{session}_{generation}_{seal[::-1]}",
                f"{name}_{session}_\u0660_{seal}", one.refresh.upper(), one.access):  # fmt: skip
        assert (await one.go_on(bad)).status in (401, 422)
    assert (await one.go_on()).status == 200


async def test_a_session_ends_when_it_is_not_used_and_in_any_case_after_a_month(run, clock):
    """A week without a refresh, or thirty days with: then it is time to sign in anew."""
    one, idle = await person(run, "reader"), await person(run, "admin")
    for _ in range(5):
        clock.forward(6 * DAY)
        assert (await one.go_on()).status == (200 if clock.now() < 1_795_514_400_000 + 30 * DAY * 1000 else 401)
    assert (await idle.go_on()).status == 401
    await run.gateway.people.tidy(hourly=True)
    assert run.gateway.db.reader.execute("SELECT count(*) FROM sessions").fetchone() == (0,)


# -- programs --------------------------------------------------------------------------------------------------------


async def test_a_key_can_be_changed_for_a_token(run, clock):
    """It has the key's rights for a quarter of an hour, no refresh token, and ends with the key."""
    made = (await run.call("POST", KEYS, {"name": "till", "scopes": ["read"]})).json
    body = {"grant": "api_key", "api_key": made["key"]}
    reply = await run.call("POST", TOKEN, body, headers={"Authorization": None})
    assert (reply.status, reply.json.keys()) == (200, {"access_token", "token_type", "expires_in"})
    token = reply.json["access_token"]
    assert (await enter(run, token), await enter(run, token, USERS)) == (200, 403)
    assert (await run.call("DELETE", f"{KEYS}/{made['id']}")).status == 204
    assert await enter(run, token) == 401
    assert (await run.call("POST", TOKEN, body, headers={"Authorization": None})).status == 401


async def test_a_token_for_a_key_reaches_no_further_than_the_key(run, clock):
    """Not from other networks, not beyond its expiry, and not as a key itself."""
    key = await run.draw("read", "keys", networks=["192.0.2.0/24"], expires_at="2026-11-24T10:05:00Z")
    here, there = {"X-Forwarded-For": "192.0.2.7"}, {"X-Forwarded-For": "198.51.100.7"}
    body = {"grant": "api_key", "api_key": key}
    assert (await run.call("POST", TOKEN, body, headers=there)).status == 401
    token = (await run.call("POST", TOKEN, body, headers=here)).json["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    order = {"name": "x", "scopes": ["read"], "networks": ["192.0.2.0/24"]}
    assert (await run.call("POST", KEYS, order, headers=here | bearer)).status == 403
    assert (await run.call("POST", KEYS, order | {"expires_at": "2026-11-24T10:05:00Z"},
                           headers=here | bearer)).status == 201  # fmt: skip
    assert (await run.call("GET", KEYS, headers=there | bearer)).status == 401
    assert (await run.call("POST", TOKEN, {"grant": "api_key", "api_key": token}, headers=here)).status == 401
    clock.forward(300)
    assert (await run.call("GET", KEYS, headers=here | bearer)).status == 401


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"grant": "password", "email": "ana@quinta.example"}, "/password"),
        ({"grant": "refresh", "refresh_token": 1}, "/refresh_token"),
        ({"grant": "api_key", "api_key": "x", "colour": "red"}, "/colour"),
        ({"grant": "magic"}, "/grant"),
        ({}, "/grant"),
    ],
)
async def test_what_is_asked_for_at_the_token_door_is_checked_by_its_grant(run, body, pointer):
    """Each kind has its own members, and the fault names the one that is wrong."""
    refused = await run.call("POST", TOKEN, body)
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, pointer)


# -- whoever guesses -------------------------------------------------------------------------------------------------


async def test_the_answer_to_a_wrong_password_tells_nothing(run):
    """Known or unknown address, password or not yet: one answer, and each costs a hash."""
    await added(run, "reader")
    await run.call("POST", USERS, {"email": "new@quinta.example", "name": "New", "role": "reader"})
    told = set()
    for email in ("reader@quinta.example", "new@quinta.example", "eve@quinta.example", "not an address"):
        reply = await sign_in(run, email, WRONG)
        told.add((reply.status, reply.json["detail"], "errors" in reply.json))
    assert told == {(401, "These are not the right credentials, or not any more.", False)}
    assert (await sign_in(run, "reader@quinta.example", PASSWORD)).status == 200


async def test_who_does_not_exist_takes_as_long_as_who_does(run):
    """Nobody sees by the clock whether there was a password to compare with."""
    passwords = run.gateway.people.sessions._passwords
    kept = await passwords.keep(PASSWORD)
    took = {kept: [], None: []}
    for _ in range(5):
        for known, times in took.items():
            began = time.perf_counter()
            assert not await passwords.fits(WRONG, known)
            times.append(time.perf_counter() - began)
    assert 1 / 3 < min(took[None]) / min(took[kept]) < 3


@pytest.mark.parametrize("email", ["reader@quinta.example", "nobody@quinta.example"])
async def test_the_wait_grows_with_every_wrong_try(run, clock, email):
    """Five are free; then a second, two, four: whether the account exists makes no difference."""
    await added(run, "reader")
    for _ in range(5):
        assert (await sign_in(run, email, WRONG)).status == 401
    waits = []
    for _ in range(7):
        locked = await sign_in(run, email, PASSWORD)
        waits.append(int(locked.headers["Retry-After"]))
        clock.forward(waits[-1] - 0.1)
        assert (await sign_in(run, email, PASSWORD)).status == 429
        clock.forward(60)
        assert (await sign_in(run, email, WRONG)).status == 401
    assert waits == [1, 2, 4, 8, 16, 32, 64]


async def test_the_right_password_is_forgiven_everything(run, clock):
    """After it, five wrong ones are free again."""
    one = await added(run, "reader")
    for _ in range(2):
        for _ in range(5):
            assert (await sign_in(run, one.email, WRONG)).status == 401
        clock.forward(60)
        assert (await one.sign_in()).status == 200


async def test_nobody_is_locked_out_from_elsewhere(run, clock):
    """Whoever guesses at one source delays himself; the owner, at another, comes in at once."""
    one = await added(run, "reader")
    for _ in range(6):
        await sign_in(run, one.email, WRONG, source="198.51.100.7")
    assert (await sign_in(run, one.email, PASSWORD, source="198.51.100.7")).status == 429
    assert (await sign_in(run, one.email, PASSWORD, source="192.0.2.7")).status == 200


async def test_guesses_from_everywhere_are_slowed_down_together(run, clock):
    """After a hundred sources, a new one waits; one from which the owner has signed in before does not."""
    one = await added(run, "reader")
    assert (await sign_in(run, one.email, PASSWORD, source="192.0.2.1")).status == 200
    lockout, vault = run.gateway.people.sessions._lockout, run.gateway.vault
    account = vault.limiter_key(b"account:" + run.gateway.people.users.blind(one.email))
    for number in range(100):
        lockout.attempt(account, vault.limiter_key(b"198.51.100.%d" % number))
    assert (await sign_in(run, one.email, PASSWORD, source="203.0.113.9")).status == 429
    assert (await sign_in(run, one.email, PASSWORD, source="192.0.2.1")).status == 200


async def test_over_ten_tries_a_minute_from_one_source_are_too_many(run):
    """Whatever the accounts; a right API key is let through all the same."""
    statuses = [(await sign_in(run, f"{number}@quinta.example", WRONG)).status for number in range(11)]
    assert statuses == [401] * 10 + [429]
    key = {"grant": "api_key", "api_key": run.key}
    assert (await run.call("POST", TOKEN, key)).status == 200
    assert (await run.call("POST", TOKEN, {"grant": "refresh", "refresh_token": "x"})).status == 429


async def test_many_at_once_are_not_all_let_into_memory(run):
    """Two are worked on and a few wait; the rest is told to come back."""
    passwords = run.gateway.people.sessions._passwords
    kept = await passwords.keep(PASSWORD)
    answers = await asyncio.gather(*[passwords.fits(PASSWORD, kept) for _ in range(30)], return_exceptions=True)
    refused = [one for one in answers if one is not True]
    assert len(refused) == 6 and {one.code for one in refused} == {"overloaded"}
    assert await passwords.fits(PASSWORD, kept)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


# -- the second factor -----------------------------------------------------------------------------------------------


async def enrolled(run, clock):
    """A user with a second factor: he, its secret, and his recovery codes."""
    one = await person(run, "admin")
    begun = (await one.call("POST", "auth/totp", {"password": PASSWORD})).json
    secret = run.gateway.people.factor._secret(run.gateway.people.users.find(one.id))
    assert totp.shown(secret) == begun["secret"] and begun["secret"] in begun["uri"]
    confirmed = await one.call("POST", "auth/totp/confirm", {"code": now(secret, clock)})
    return one, secret, confirmed.json["recovery_codes"]


def now(secret, clock):
    return totp.code(secret, clock.now() // totp.STEP_MS)


async def test_with_a_second_factor_the_password_alone_is_not_enough(run, clock):
    """The code of now lets in, once; a wrong one does not, and only the right password is told that a code lacks."""
    one, secret, _ = await enrolled(run, clock)
    assert (await run.call("GET", f"{USERS}/{one.id}")).json["totp"] is True
    lacks = await one.sign_in()
    assert (lacks.status, lacks.json["errors"][0]["code"]) == (401, "code-needed")
    assert "errors" not in (await one.sign_in(WRONG)).json
    assert (await one.sign_in(code=now(secret, clock))).status == 401
    clock.forward(30)
    right = now(secret, clock)
    assert (await one.sign_in(code="000000" if right != "000000" else "000001")).status == 401
    assert (await one.sign_in(code=right)).status == 200
    assert (await one.sign_in(code=right)).status == 401


async def test_clocks_may_differ_by_half_a_minute(run, clock):
    """The neighbours of the code of now are good, those beyond are not, and none is good after a later one."""
    one, secret, _ = await enrolled(run, clock)
    clock.forward(300)
    step = clock.now() // totp.STEP_MS
    assert (await one.sign_in(code=totp.code(secret, step + 2))).status == 401
    assert (await one.sign_in(code=totp.code(secret, step - 1))).status == 200
    assert (await one.sign_in(code=totp.code(secret, step + 1))).status == 200
    assert (await one.sign_in(code=totp.code(secret, step))).status == 401


async def test_a_recovery_code_works_once(run, clock):
    """However it is typed; and it is nobody else's."""
    one, _, recovery = await enrolled(run, clock)
    assert len(set(recovery)) == 10
    assert (await one.sign_in(code=recovery[0].upper().replace("-", " "))).status == 200
    assert (await one.sign_in(code=recovery[0])).status == 401
    assert (await one.sign_in(code=recovery[1])).status == 200


async def test_a_second_factor_counts_only_once_it_is_confirmed(run, clock):
    """A secret that never arrived in an app locks nobody out; a wrong code does not confirm it."""
    one = await person(run, "admin")
    nothing = await one.call("POST", "auth/totp/confirm", {"code": "123456"})
    await one.call("POST", "auth/totp", {"password": PASSWORD})
    secret = run.gateway.people.factor._secret(run.gateway.people.users.find(one.id))
    code = now(secret, clock)
    wrong = await one.call("POST", "auth/totp/confirm", {"code": "000000" if code != "000000" else "000001"})
    assert (nothing.status, wrong.status) == (409, 422)
    assert (await one.sign_in()).status == 200
    assert (await one.call("POST", "auth/totp/confirm", {"code": code})).status == 200
    assert (await one.call("POST", "auth/totp", {"password": PASSWORD})).status == 409


async def test_a_second_factor_is_taken_off_with_the_password(run, clock):
    """A token alone does not; afterwards the password is enough, and old recovery codes are gone."""
    one, _, _ = await enrolled(run, clock)
    assert (await one.call("POST", "auth/totp/off", {"password": WRONG})).status == 401
    assert (await one.call("POST", "auth/totp/off", {"password": PASSWORD})).status == 204
    assert (await one.sign_in()).status == 200
    assert run.gateway.db.reader.execute("SELECT count(*) FROM recovery_codes").fetchone() == (0,)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(59, "287082"), (1_111_111_109, "081804"), (1_111_111_111, "050471"), (1_234_567_890, "005924"),
     (2_000_000_000, "279037"), (20_000_000_000, "353130")],
)  # fmt: skip
def test_codes_are_those_of_the_standard(seconds, expected):
    """RFC 6238, appendix B, the last six of its eight digits."""
    secret = b"12345678901234567890"
    assert totp.code(secret, seconds // 30) == expected
    assert totp.step_of(secret, expected, seconds * 1000) == seconds // 30


def test_tries_are_forgiven_after_a_day_and_forgotten_when_there_are_too_many(clock, monkeypatch):
    """A guess of yesterday delays nobody, and guesses at ever new accounts fill no memory."""
    monkeypatch.setattr("gateway.lockout.REMEMBERED", 10)
    lockout = Lockout(clock)
    for _ in range(8):
        lockout.attempt(b"account", b"source")
        clock.forward(60)
    lockout.attempt(b"account", b"source")
    with pytest.raises(QuotaExceeded):
        lockout.attempt(b"account", b"source")
    clock.forward(DAY + 1)
    for _ in range(5):
        lockout.attempt(b"account", b"source")
    for number in range(50):
        lockout.attempt(b"%d" % number, b"source")
        lockout.passed(b"%d" % number, b"source")
        lockout.attempt(b"%d" % number, b"other")
    assert (len(lockout._tries), len(lockout._welcome)) == (10, 10)
