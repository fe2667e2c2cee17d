"""Holds the stories that messages lived through against the one table of transitions."""

from collections.abc import Iterable, Sequence

from gateway.model import TRANSITIONS

BEGINNINGS = {"accepted": TRANSITIONS[None] - {"blocked"}, "blocked": {"blocked"}}
TOLD_AS = {"released": "queued"}
"""Events that are called otherwise than the state they lead to."""


def after(state: str, event: str, tried: bool) -> set[str]:
    """The states a message may be in after this event, if it was in `state`; none when the table does not allow it.

    A lease is not told: whatever was tried was `sending` just before, and anything else but `sent` may have been. Nor
    is it told when what was leased is given back: it waits on.
    """
    state_now = TOLD_AS.get(event, event)
    before = ({"sending"} & TRANSITIONS[state]) if state_now != "sent" or tried else set()
    before |= set() if tried else {state}
    if not any(state_now in TRANSITIONS[one] for one in before):
        return set()
    return {state_now, "queued"} if state_now == "deferred" else {state_now}


def wrong_turn(events: Sequence[tuple[str, bool]], state: str) -> str | None:
    """The first step of a story (event, whether it was an attempt) that the table does not allow, or a last state that
    the story does not tell of."""
    (first, _), *rest = events
    may_be = set(BEGINNINGS.get(first, ()))
    for event, tried in rest:
        before, may_be = may_be, {new for old in may_be for new in after(old, event, tried)}
        if not may_be:
            return f"{' or '.join(sorted(before))} -> {event}"
    return None if state in may_be else f"{' or '.join(sorted(may_be)) or first} -> {state}"


def wrong_turns(reader) -> Iterable[str]:
    """Every message of a store whose story is not one the table allows."""
    rows = reader.execute(
        """
        SELECT m.id, m.state, e.type, COALESCE(e.detail, '') LIKE '%"outcome"%'
        FROM messages m JOIN events e ON e.message_id = m.id ORDER BY m.id, e.id
        """
    ).fetchall()
    stories: dict[tuple[int, str], list[tuple[str, bool]]] = {}
    for id_, state, event, tried in rows:
        stories.setdefault((id_, state), []).append((event, bool(tried)))
    return [found for (_, state), events in stories.items() if (found := wrong_turn(events, state))]
