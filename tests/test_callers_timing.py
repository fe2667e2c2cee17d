"""How long a refusal takes tells nothing about the secret: nobody can find a key letter by letter."""

import math
import random
import secrets
import statistics
import time

import pytest

from gateway.errors import Unauthorized
from gateway.vault.apikeys import _check
from tests.running import running

LIST = "/local/apikeys"
TIMES = 10_000
ROUNDS = 5
SIGNAL = 4.5
"""The t of Welch's test beyond which two sets of times differ, as in the assessment of leaks (ISO/IEC 17825)."""


def forged(public, secret):
    """A key that could be one: its check letters are right."""
    return f"Bearer gk_{public}_{secret}{_check(public + secret)}"


def took(callers, header):
    """Nanoseconds until the header is refused."""
    began = time.perf_counter_ns()
    try:
        callers.by_header(header, "127.0.0.1")
    except Unauthorized:
        return time.perf_counter_ns() - began
    raise AssertionError("a forged key was let in")


def signal(callers, first, second):
    """Welch's t between the refusals of two kinds of headers, tried in a random order; the slowest tenth is the
    machine's and not ours."""
    tries = [(kind, make()) for kind, make in ((0, first), (1, second)) for _ in range(TIMES)]
    random.shuffle(tries)
    times = [(kind, took(callers, header)) for kind, header in tries]
    slow = statistics.quantiles([nanoseconds for _, nanoseconds in times], n=10)[-1]
    kinds = [[nanoseconds for one, nanoseconds in times if one == kind and nanoseconds <= slow] for kind in (0, 1)]
    spread = math.sqrt(sum(statistics.variance(kind) / len(kind) for kind in kinds))
    return (statistics.fmean(kinds[0]) - statistics.fmean(kinds[1])) / spread


def least_signal(*arguments):
    """The least of some rounds: what the code gives away shows in each of them, what the machine does in one or two."""
    least = math.inf
    for _ in range(ROUNDS):
        least = min(least, abs(signal(*arguments)))
        if least < SIGNAL:
            break
    return least


def beginning(public, secret, letters=30):
    """Makes forged keys whose secrets all begin like this one."""
    return lambda: forged(public, secret[:letters] + secrets.token_urlsafe(32)[letters:])


@pytest.fixture
async def run(tmp_path):
    """An open gateway that does not deliver."""
    async with running(tmp_path, deliver=False) as run:
        yield run


async def test_how_much_of_a_secret_is_right_does_not_show(run):
    """Thirty right letters of 43 are refused as quickly as thirty wrong ones."""
    public, secret = run.key[3:11], run.key[12:55]
    right, wrong = beginning(public, secret), beginning(public, secrets.token_urlsafe(32))
    assert least_signal(run.gateway.callers, right, wrong) < SIGNAL


async def test_whether_a_key_was_revoked_does_not_show(run):
    """A guess at the secret of a key that is none any more takes as long as one at a good key's."""
    gone = await run.draw("read")
    await run.local("POST", f"{LIST}/key_{gone[3:11]}/revoke")
    callers, other = run.gateway.callers, secrets.token_urlsafe(32)
    assert least_signal(callers, beginning(gone[3:11], other), beginning(run.key[3:11], other)) < SIGNAL


async def test_the_measure_sees_what_takes_longer(run):
    """The positive control: a mistyped key, which is not looked up, differs from one that is in every round."""
    key = beginning(run.key[3:11], secrets.token_urlsafe(32))
    assert least_signal(run.gateway.callers, key, lambda: f"{key()[:-1]}!") > SIGNAL
