"""The way out: public addresses only, whatever a name says and whenever it says so; no redirects, nothing endless."""

import asyncio
import threading
from ipaddress import ip_address

import aiohttp
import pytest
from aiohttp import web

from gateway.config import ConfigFaults, load
from gateway.egress import Egress, Opening, Reply, public
from gateway.errors import UrlNotAllowed
from tests.running import CONFIG, running
from tests.smtp_peer import certificate
from tests.webhook_peer import NAME, WEBHOOKS, Ear, leading, listening

PUBLIC = "203.0.114.7"
INSIDE = [
    "127.0.0.1", "127.0.0.2", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "100.100.100.200", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1",
    "240.0.0.1", "255.255.255.255", "168.63.129.16", "::", "::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1",
    "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1", "2001:0:1::1", "2001:db8::1",
    "fc00::1", "fd00:ec2::254", "fe80::1", "ff02::1", "100::1",
]  # fmt: skip
OUTSIDE = [PUBLIC, "8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450::1"]


@pytest.fixture
async def ear(tmp_path):
    """A peer on loopback."""
    async with listening(Ear(), tmp_path) as ear:
        yield ear


@pytest.fixture
async def way_out(clock):
    """A function that opens the way out with these exceptions; what it gave is closed at the end."""
    opened = []

    def out(*allow):
        opened.append(Egress(allow, clock))
        return opened[-1]

    yield out
    for one in opened:
        await one.close()


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_that_is_not_of_the_public_internet(address):
    """Loopback, private, link-local, shared, documentation, multicast, reserved; wrapped in IPv6 too."""
    assert not public(ip_address(address))


@pytest.mark.parametrize("address", OUTSIDE)
def test_an_address_of_the_public_internet(address):
    """The positive control."""
    assert public(ip_address(address))


def test_exceptions_open_what_they_name_and_no_more(clock):
    """A network at the usual port, an address at its own; nothing is open without one."""
    out = Egress(["10.0.0.0/8", "127.0.0.1:8443", "[fd00::5]:8443", "fd01::/16"], clock)
    places = [("10.1.2.3", 443), ("127.0.0.1", 8443), ("fd00::5", 8443), ("fd01::9", 443), (PUBLIC, 443)]
    assert all(out.allows(*place) for place in places)
    beyond = [("10.1.2.3", 8443), ("127.0.0.1", 443), ("127.0.0.2", 8443), ("fd00::6", 8443), (PUBLIC, 8443),
              ("::ffff:10.1.2.3", 443)]  # fmt: skip
    assert not any(out.allows(*place) for place in beyond)
    assert not any(Egress([], clock).allows(*place) for place in places[:-1])


# -- when it is saved -------------------------------------------------------------------------------------------------

ODD = [
    "http://hooks.example/", "https://hooks.example:8443/", "https://hooks.example:22/", "https://127.0.0.1/",
    "https://user:pass@hooks.example/", "https://hooks.example@10.0.0.1/", "https://[::1]/", "https://2130706433/",
    "https://[::ffff:10.0.0.1]/", "https://0x7f000001/", "https://127.1/", "https://localhost/", "ftp://hooks.example/",
    "https://hooks.example\\@10.0.0.1/", "https://hooks.example/a b", "https://hooks.example/#part", "https:///",
    "//hooks.example/", "hooks.example", "", "https://hooks.example:99999/", "https://höoks.example/",
    "https://hooks.example:0/", "https://" + "a" * 64 + ".example/", "file:///etc/passwd", "HTTPS://nowhere.example/",
]  # fmt: skip


@pytest.fixture
async def run(tmp_path, clock):
    """A gateway without exceptions that does not deliver."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        yield run


@pytest.mark.parametrize("url", ODD)
async def test_an_address_that_may_not_be_saved(run, monkeypatch, url):
    """Another scheme, port or user, a number for a name, a name for the inside: 422, and not a word about why."""
    leading(monkeypatch, {"hooks.example": PUBLIC, "nowhere.example": []})
    refused = await run.call("POST", WEBHOOKS, {"url": url})
    assert (refused.status, refused.json["type"]) == (422, "urn:guest-gateway:problem:url-not-allowed")
    assert refused.json["errors"] == [
        {"pointer": "/url", "code": "url-not-allowed",
         "detail": "https, port 443, at a name that leads to public addresses only"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    "url", ["https://hooks.example", "https://hooks.example:443/in?key=a%20b", f"https://{PUBLIC}/"]
)
async def test_an_address_that_may_be_saved(run, monkeypatch, url):
    """The positive control: https at a public address."""
    leading(monkeypatch, {"hooks.example": [PUBLIC, "2606:4700::1111"]})
    assert (await run.call("POST", WEBHOOKS, {"url": url})).status == 201


@pytest.mark.parametrize("inside", ["127.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1"])
async def test_one_address_inside_is_enough_to_refuse_a_name(run, monkeypatch, inside):
    """A name that leads outside and inside is refused, when it is saved and when it is changed."""
    leading(monkeypatch, {"hooks.example": [PUBLIC, inside], "good.example": PUBLIC})
    assert (await run.call("POST", WEBHOOKS, {"url": "https://hooks.example/"})).status == 422
    good = (await run.call("POST", WEBHOOKS, {"url": "https://good.example/"})).json
    path = f"{WEBHOOKS}/{good['id']}"
    assert (await run.call("PATCH", path, {"url": "https://hooks.example/"})).status == 422
    assert (await run.call("GET", path)).json["url"] == good["url"]


# -- when it is called ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inside", ["127.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1"])
async def test_a_name_that_leads_inside_the_second_time_gains_nothing(tmp_path, monkeypatch, clock, inside):
    """Public when it was saved, inside when it is called: no connection is made, and the log says why."""
    answers = iter([PUBLIC])
    asked = leading(monkeypatch, {"hooks.example": lambda: next(answers, inside)})
    knocks = []
    server = await asyncio.start_server(lambda _, writer: (knocks.append(1), writer.close()), "127.0.0.1", 443)
    async with server, running(tmp_path, clock=clock, deliver=False) as run:
        hook = (await run.call("POST", WEBHOOKS, {"url": "https://hooks.example/"})).json
        tried = await run.call("POST", f"{WEBHOOKS}/{hook['id']}/test")
        assert (tried.json["status"], tried.json["code"]) == ("failed", "not-allowed")
        assert len(asked) == 2 and knocks == []
        _, writer = await asyncio.open_connection("127.0.0.1", 443)
        writer.close()
        await asyncio.sleep(0.05)
        assert knocks == [1]


async def test_an_exception_lets_the_same_call_through(tmp_path, monkeypatch, clock, ear):
    """The positive control: the very same name and peer, with the address in `[egress] allow`; and a warning."""
    leading(monkeypatch, {NAME: "127.0.0.1"})
    config = f'{CONFIG}\n[egress]\nallow = ["127.0.0.1:{ear.port}"]\n'
    async with running(tmp_path, config, clock) as run:
        hook = (await run.call("POST", WEBHOOKS, {"url": f"https://{NAME}:{ear.port}/"})).json
        tried = await run.call("POST", f"{WEBHOOKS}/{hook['id']}/test")
        assert (tried.json["status"], tried.json["code"]) == ("delivered", "204")
        (warning,) = run.gateway.config.warnings()
        assert "warning[open-egress]: egress.allow" in warning
    assert "webhooks may reach addresses that are not public" in run.log_text.getvalue()


async def test_an_exception_that_was_taken_back_holds_for_old_webhooks_too(tmp_path, monkeypatch, clock, ear):
    """Saved under an exception, called without it: refused."""
    leading(monkeypatch, {NAME: "127.0.0.1"})
    config = f'{CONFIG}\n[egress]\nallow = ["127.0.0.1:{ear.port}"]\n'
    async with running(tmp_path, config, clock) as run:
        hook = (await run.call("POST", WEBHOOKS, {"url": f"https://{NAME}:{ear.port}/"})).json
        file = tmp_path / "config.toml"
        file.write_text(CONFIG)
        assert await run.gateway.reload(load(file, {})) == []
        tried = await run.call("POST", f"{WEBHOOKS}/{hook['id']}/test")
        assert (tried.json["code"], ear.heard) == ("not-allowed", [])


@pytest.mark.parametrize("url", ["https://10.0.0.1/", "https://[::1]/", "https://127.0.0.1/", "https://0x7f000001/"])
async def test_an_address_in_place_of_a_name_is_checked_as_well(way_out, url):
    """No look-up, no way round: what is connected to is what is checked."""
    assert (await way_out().post(url, b"{}", {})).code == "not-allowed"


async def test_a_redirect_is_a_failure(way_out, monkeypatch, ear):
    """It is not followed, wherever it leads."""
    leading(monkeypatch, {NAME: "127.0.0.1"})
    ear.answers = [_saying(302, {"Location": f"https://{NAME}:{ear.port}/other"}), 204]
    reply = await way_out(f"127.0.0.1:{ear.port}").post(f"https://{NAME}:{ear.port}/", b"{}", {})
    assert (reply, reply.taken, len(ear.heard)) == (Reply("302"), False, 1)


async def test_an_answer_is_read_to_a_megabyte(way_out, monkeypatch, ear):
    """A megabyte is taken; one that is larger, or swells when unpacked, is not."""
    leading(monkeypatch, {NAME: "127.0.0.1"})
    out, url = way_out(f"127.0.0.1:{ear.port}"), f"https://{NAME}:{ear.port}/"
    ear.answers = [_saying(200, body=b"x" * (1 << 20)), _saying(200, body=b"x" * ((1 << 20) + 1))]
    assert [(await out.post(url, b"{}", {})).code for _ in range(2)] == ["200", "too-large"]


async def test_an_answer_is_waited_for_fifteen_seconds(way_out, monkeypatch, ear):
    """One that drips is cut off; here after a moment."""
    leading(monkeypatch, {NAME: "127.0.0.1"})
    monkeypatch.setattr("gateway.egress.SECONDS", 0.3)

    async def drip(request):
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(50):
            await response.write(b"x")
            await asyncio.sleep(0.05)
        return response

    ear.answers = [drip]
    reply = await way_out(f"127.0.0.1:{ear.port}").post(f"https://{NAME}:{ear.port}/", b"{}", {})
    assert reply.code == "timeout"


async def test_certificates_are_verified(way_out, monkeypatch, tmp_path, ear):
    """For the name that was asked for, by an authority that is known; the right one is taken."""
    leading(monkeypatch, {NAME: "127.0.0.1", "other.example": "127.0.0.1"})
    right = f"127.0.0.1:{ear.port}"
    assert (await way_out(right).post(f"https://{NAME}:{ear.port}/", b"{}", {})).taken
    assert (await way_out(right).post(f"https://other.example:{ear.port}/", b"{}", {})).code == "tls"
    (tmp_path / "x").mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate(tmp_path / "x", (NAME,))))
    assert (await way_out(right).post(f"https://{NAME}:{ear.port}/", b"{}", {})).code == "tls"


async def test_what_goes_wrong_has_a_word(way_out, monkeypatch, ear):
    """No name, nobody there, a line that is cut, a way out that is closed."""
    leading(monkeypatch, {NAME: "127.0.0.1", "nowhere.example": []})
    out = way_out(f"127.0.0.1:{ear.port}", "127.0.0.1:9")
    assert (await out.post("https://nowhere.example/", b"{}", {})).code == "name"
    assert (await out.post("https://127.0.0.1:9/", b"{}", {})).code == "unreachable"

    async def cut(request):
        request.transport.abort()
        return web.Response()

    ear.answers = [cut]
    assert (await out.post(f"https://{NAME}:{ear.port}/", b"{}", {})).code == "broken"
    await out.close()
    assert (await out.post(f"https://{NAME}:{ear.port}/", b"{}", {})).code == "stopped"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("120", 120.0), ("Tue, 24 Nov 2026 10:02:00 GMT", 120.0), ("Tue, 24 Nov 2026 09:00:00 GMT", 0.0), ("soon", None),
     ("-5", None), ("9" * 40, 999_999_999.0), ("", None)],
)  # fmt: skip
async def test_how_long_to_wait_is_read(way_out, monkeypatch, ear, header, seconds):
    """Seconds or a date; nonsense counts for nothing."""
    leading(monkeypatch, {NAME: "127.0.0.1"})
    ear.answers = [_saying(503, {"Retry-After": header})]
    reply = await way_out(f"127.0.0.1:{ear.port}").post(f"https://{NAME}:{ear.port}/", b"{}", {})
    assert reply == Reply("503", seconds)


async def test_environment_proxies_are_not_asked(way_out, monkeypatch, ear):
    """They would connect for us, where we cannot check."""
    leading(monkeypatch, {NAME: "127.0.0.1"})
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert (await way_out(f"127.0.0.1:{ear.port}").post(f"https://{NAME}:{ear.port}/", b"{}", {})).taken


async def test_a_name_server_that_says_nothing_holds_up_nobody(way_out, monkeypatch):
    """Whoever asks gives up in time, and the process's own threads stay free."""
    stuck = threading.Event()
    monkeypatch.setattr("gateway.egress.LOOK_UP_SECONDS", 0.2)
    leading(monkeypatch, {"slow.example": lambda: (stuck.wait(10), PUBLIC)[1]})
    out = way_out()
    waits = [asyncio.create_task(out.check("https://slow.example/")) for _ in range(40)]
    assert await asyncio.wait_for(asyncio.to_thread(lambda: 1), 1) == 1
    refused = await asyncio.gather(*waits, return_exceptions=True)
    assert all(isinstance(one, UrlNotAllowed) for one in refused)
    stuck.set()


# -- config.toml ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "network", "port"),
    [("10.0.0.0/8", "10.0.0.0/8", 443), ("10.0.0.5", "10.0.0.5/32", 443), ("fd00::/8", "fd00::/8", 443),
     ("10.0.0.5:8443", "10.0.0.5/32", 8443), ("[fd00::5]:8443", "fd00::5/128", 8443)],
)  # fmt: skip
def test_an_exception_is_a_network_or_an_address_with_a_port(tmp_path, text, network, port):
    """What config.toml may say is what is opened."""
    file = tmp_path / "config.toml"
    file.write_text(f'config_version = 1\n[egress]\nallow = ["{text}"]\n')
    (allowed,) = load(file, {}).egress.allow
    opening = Opening.read(allowed)
    assert (str(opening.network), opening.port) == (network, port)


@pytest.mark.parametrize(
    "text", ["hooks.example", "10.0.0.5:0", "10.0.0.5:70000", "10.0.0.1/8", "[fd00::5]", "fd00::5]:1", "10.0.0.0/8:443",
             "[10.0.0.5]:443:1", ""],
)  # fmt: skip
def test_what_is_no_exception_is_named(tmp_path, text):
    """Names, ports that are none, networks with a port."""
    file = tmp_path / "config.toml"
    file.write_text(f'config_version = 1\n[egress]\nallow = ["{text}"]\n')
    with pytest.raises(ConfigFaults) as fault:
        load(file, {})
    assert "config.toml:3: error[wrong-value]: egress.allow[0]" in str(fault.value)


def _saying(status, headers=None, body=b""):
    async def say(request):
        return web.Response(status=status, headers=headers, body=body)

    return say


def test_the_client_is_one_that_asks_for_each_socket():
    """The check stands on a parameter of aiohttp's connector: if it goes, this fails and not the venue."""
    assert "socket_factory" in aiohttp.TCPConnector.__init__.__kwdefaults__
