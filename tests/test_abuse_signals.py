"""The arithmetic behind steps against abuse: what each pattern scores, and that scores fade."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.abuse import SIGNALS, Hold, Sight, Trail
from gateway.abuse.hold import FIRST_WAIT, LONGEST_WAIT, STEPS, lasts, reached
from gateway.abuse.signals import look, score, shown
from gateway.abuse.trail import Fading, Neighbours
from gateway.config import Abuse

RULES = Abuse()
QUIET = Sight(many=0)
sights = st.builds(
    Sight, st.integers(0, 50), st.booleans(), st.integers(0, 40), st.none() | st.integers(0, 99),
    st.none() | st.integers(0, 99), st.booleans(), st.floats(0, 300), st.integers(0, 50),
)  # fmt: skip
moments = st.floats(0, 1e6)
kinds = st.sampled_from(["ipv4", "ipv6", "key", "user"])


@given(kinds, st.lists(st.tuples(moments, sights), max_size=30), moments, st.floats(0, 1e6))
def test_a_score_never_grows_by_itself_and_fades_to_nothing(kind, seen, now, later):
    """Whatever was seen, in whatever order of the clock: without a new event a score only falls, in the end to 0."""
    trail = Trail(kind, 0.0)
    for at, sight in seen:
        look(trail, sight, at)
    assert 0 <= score(trail, now + later) <= score(trail, now)
    assert score(trail, 1e6 + 1e5) < 1e-6 and shown(trail, 1e6 + 1e5) == {}


@given(st.lists(st.tuples(st.floats(0, 3600), st.floats(0, 50)), min_size=1, max_size=20), st.randoms())
def test_the_order_of_events_of_one_moment_and_a_clock_set_back_change_nothing(events, draw):
    """A fading number counts the same events the same in any order, and one from an earlier time as one from now."""
    shuffled, one, other, late = list(events), Fading(), Fading(), Fading()
    draw.shuffle(shuffled)
    for (_, amount), (_, another) in zip(events, shuffled, strict=True):
        one.add(amount, 3600, 60)
        other.add(another, 3600, 60)
    for at, amount in [(3600.0, 0.0), *events]:
        late.add(amount, at, 60)
    assert abs(one.value - other.value) < 1e-6 and abs(one.value - late.value) < 1e-6


@given(kinds, st.lists(st.tuples(moments, sights), max_size=30), sights)
def test_what_is_remembered_is_bounded(kind, seen, last):
    """However much is seen, a trail stays small, and says of each signal how often."""
    trail = Trail(kind, 0.0)
    for at, sight in [*seen, (0.0, last)]:
        look(trail, sight, at)
    assert max(map(len, (trail.agents, trail.places, trail.keys))) <= 32
    assert trail.evidence.keys() <= {signal.name for signal in SIGNALS} and len(SIGNALS) == 8


def scored(*seen, kind="ipv4", since=0.0):
    """What is shown of so many sights, each given with its time."""
    trail = Trail(kind, since)
    for at, sight in seen:
        look(trail, sight, at)
    return shown(trail, seen[-1][0])


def test_each_pattern_is_seen_and_its_harmless_neighbour_is_not():
    """Every rule scores what it is named after, and nothing of what looks much like it."""
    fast = [(0.01 * number, Sight()) for number in range(100)]
    assert scored(*fast)["rapid_fire"] > 30 and "rapid_fire" not in scored(*fast, kind="key")
    assert scored(*[(number, Sight()) for number in range(100)]) == {}
    masks = [(number, Sight(refused=True, agent=number)) for number in range(9)]
    assert scored(*masks)["user_agents"] == 8
    assert scored(*[(at, sight._replace(refused=False)) for at, sight in masks]) == {}
    assert scored(*[(number, Sight(place=number)) for number in range(9)])["scanning"] == 9
    assert scored(*[(number, Sight(place=1)) for number in range(9)])["scanning"] == 1
    assert scored(*[(number, Sight(wrong_key=number)) for number in range(9)])["key_guessing"] == 9
    assert scored(*[(number, Sight(wrong_key=1)) for number in range(9)])["key_guessing"] == 1
    assert scored(*[(number, Sight(wrong_password=True)) for number in range(9)])["key_guessing"] == 9
    assert "many_keys" in scored((0, Sight(wrong_key=1, keys_around=30)))
    assert "many_keys" not in scored((0, Sight(wrong_key=1, keys_around=10)))
    calm = [(float(number * 60), Sight()) for number in range(70)]
    busy = [(4200 + number / 3, Sight()) for number in range(200)]
    assert "sudden_jump" in scored(*calm, *busy) and "sudden_jump" not in scored(*busy, since=4200.0)
    assert scored((0, Sight(invalid=7))) == {"invalid_recipients": 7}
    assert scored((0, Sight(refused=True))) == {"refusals": 1}


def test_a_network_counts_different_keys_and_forgets_them():
    """The same key twice is one; after hours without a new one none is left."""
    network = Neighbours()
    assert [network.shows(key, 0.0) for key in (1, 2, 1)] == [1, 2, 2]
    assert network.shows(1, 86_400.0) < 0.01


def test_marks_lead_to_steps_and_blocks_grow():
    """The severest step whose mark is reached is taken; each block lasts twice as long, up to a day."""
    assert [reached(mark, RULES) for mark in (39.9, 40, 60, 120, 240)] == [None, *STEPS]
    assert [lasts("block", RULES, before) for before in (0, 1, 2, 99)] == [900, 1800, 3600, 86_400]
    assert lasts("throttle", RULES, 9) == RULES.throttle_for


@given(st.lists(st.floats(0, 30), max_size=60), st.sampled_from(STEPS))
def test_whoever_waits_as_long_as_he_is_told_passes(pauses, step):
    """Whatever he did before; and no throttle lets more pass than its quota and a tenth."""
    hold, now, passed = Hold(b"", step, 600.0), 0.0, 0
    for pause in pauses:
        now += pause
        passed += now < 600 and hold.admit(now, 30) == 0
    wait = hold.admit(now, 30)
    assert wait == 0 or hold.admit(now + wait + 1e-6, 30) == 0
    if step == "throttle":
        assert passed <= 3 + min(now, 600) / 2 + 1e-6


def test_a_challenge_asks_for_more_each_time():
    """Every try doubles the wait, a patient one too, up to a minute."""
    hold, now, waits = Hold(b"", "challenge", 6000.0), 0.0, []
    for _ in range(8):
        assert hold.admit(now, 30) == 0
        waits.append(hold.free - now)
        now = hold.free
    assert waits[:3] == [FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT] and waits[-1] == LONGEST_WAIT
