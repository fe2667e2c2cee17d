"""Which provider takes a message, and how one that failed comes back."""

import pytest

from gateway.channel import Channel
from gateway.routing import LONGEST_PAUSE, Provider, Routes


@pytest.fixture
def provider(clock):
    """Makes a provider of e-mail."""

    def make(name="mail"):
        return Provider(name, "email", Channel(None, None), clock, connections=1, timeout=1.0, resend_uncertain=True)

    return make


def test_a_failed_provider_is_probed_by_one_message(provider, clock):
    """Nobody before the pause is over, then one; the others follow when it has left."""
    mail = provider()
    assert mail.admit()
    assert mail.failed("down") == 1.0
    assert not mail.admit()
    clock.forward(1)
    assert mail.admit()
    assert not mail.admit()
    mail.worked()
    assert mail.healthy
    assert mail.admit()
    assert mail.admit()


def test_pauses_double_up_to_a_minute_and_begin_anew(provider, clock):
    """1, 2, 4 ... 60 seconds for one failed probe after the other; after a success again 1."""
    mail, pauses = provider(), []
    for _ in range(8):
        assert mail.admit()
        pauses.append(mail.failed("down"))
        clock.forward(pauses[-1])
    assert pauses == [1, 2, 4, 8, 16, 32, LONGEST_PAUSE, LONGEST_PAUSE]
    mail.worked()
    assert mail.failed("down") == 1.0


def test_what_a_provider_asks_for_is_never_undercut(provider):
    """It asked for 90 seconds; failures that were already on their way do not change that."""
    mail = provider()
    assert mail.failed("throttled", 90.0) == 90.0
    assert mail.failed("down") == 90.0
    assert mail.failed("throttled", 120.0) == 120.0


def test_a_stopped_provider_is_not_tried_again(provider, clock):
    """A paused one is, and says so; one that was stopped takes nothing for ever, whatever else is heard of it."""
    mail = provider()
    assert mail.standing == "ok"
    mail.failed("raised")
    assert mail.standing == "paused: raised"
    clock.forward(1)
    assert mail.admit()
    mail.stop()
    mail.failed("hung")
    clock.forward(1e9)
    assert (mail.standing, mail.admit()) == ("down: hung", False)


def test_a_probe_that_came_to_nothing_leaves_the_turn_to_the_next(provider, clock):
    """The probe's message was blocked by law: the provider is as unhealthy as before, and the next one probes."""
    mail = provider()
    mail.failed("down")
    clock.forward(1)
    assert mail.admit()
    mail.released()
    assert not mail.healthy
    assert mail.admit()


def test_turns_of_two_providers(provider):
    """The first takes what has not just failed there, the second takes that; alone, a healthy one takes all."""
    first, second = provider("first"), provider("second")
    routes = Routes([first, second])
    assert routes.turn_of(first) == (None, "first")
    assert routes.turn_of(second) == ("first", None)
    first.failed("down")
    assert routes.turn_of(second) == (None, None)
    assert Routes([second]).turn_of(second) == (None, None)
    assert routes.serving("sms") == []
    assert not routes.has("sms")
