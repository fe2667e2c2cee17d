"""Everybody's accounts: a bounded number at hand, all of them in the ledger."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from gateway.limiter import Limiter, State
from gateway.limits.ledger import Ledger
from gateway.limits.rule import Rule

BLOCKS = 10
"""A block is this part of the quota: how much a kill may cost, and how seldom the ledger is asked."""
AT_HAND = 100_000


@dataclass(slots=True)
class Account:
    """What somebody has taken from a rule. `written`: the state in the ledger, at or ahead of it; None while nobody
    knows. `writing`: done when that state lasts, None where it does."""

    state: State | None = None
    written: State | None = None
    writing: asyncio.Future | None = None


class Accounts:
    """Finds accounts and keeps the ledger ahead of them: a block of takes is written down before the first of them is
    given. A kill, and letting go of an account, can cost the rest of a block; neither gives anything back."""

    def __init__(self, ledger: Ledger, at_hand: int = AT_HAND):
        self._ledger, self._most = ledger, at_hand
        self._at_hand: OrderedDict[tuple[str, bytes], Account] = OrderedDict()

    def __len__(self) -> int:
        return len(self._at_hand)

    async def find(self, rule: Rule, whose: bytes) -> Account:
        """An account as it stands, a new one for a stranger. Of too many the longest unused is let go of."""
        if account := self.at_hand(rule, whose):
            return account
        state = None if rule.limiter.holds else await self._ledger.state(rule.id, whose)
        account = self._at_hand.setdefault((rule.id, whose), Account(state, state))
        while len(self._at_hand) > self._most and self._let_go():
            pass
        return account

    def at_hand(self, rule: Rule, whose: bytes) -> Account | None:
        """An account that was used lately."""
        key = (rule.id, whose)
        account = self._at_hand.get(key)
        if account is not None:
            self._at_hand.move_to_end(key)
        return account

    async def look(self, rule: Rule, whose: bytes) -> State | None:
        """How an account stands, without bringing it to hand; None for one that nobody has."""
        account = self._at_hand.get((rule.id, whose))
        if account is not None:
            return account.state
        return None if rule.limiter.holds else await self._ledger.state(rule.id, whose)

    def _let_go(self) -> bool:
        """Let go of the longest unused, unless the ledger does not have it yet."""
        key, account = next(iter(self._at_hand.items()))
        if account.writing is not None:
            return False
        del self._at_hand[key]
        return True

    def standing(self, rule: str) -> Iterator[tuple[bytes, State]]:
        """The accounts at hand with the rule of this id: whose, and how they stand."""
        for (id_, whose), account in self._at_hand.items():
            if id_ == rule and account.state is not None:
                yield whose, account.state

    def write_ahead(self, rule: Rule, whose: bytes, account: Account, now: int) -> asyncio.Future | None:
        """Have the ledger ahead of an account. The future, if any, is done when it is so for good."""
        if rule.limiter.holds or account.state is None:
            return None
        if account.written is None or not rule.limiter.covers(account.written, account.state, now):
            account.written = self._block(rule.limiter, account.state, now)
            account.writing = self._ledger.keep(rule.id, whose, account.written, now)
            account.writing.add_done_callback(partial(_noted, account))
        return account.writing

    @staticmethod
    def _block(limiter: Limiter, state: State, now: int) -> State:
        """The state after the largest block, at most a tenth of the quota, that there is room for; the state itself
        where the algorithm knows of no state that stands for others."""
        block = max(1, limiter.settings.quota // BLOCKS)
        while block:
            after, wait = limiter.take(state, now, block)
            if wait == 0 and limiter.covers(after, state, now):
                return after
            block //= 2
        return state

    # -- letting go ---------------------------------------------------------------------------------------------------

    async def forget_whole(self, rules: dict[str, Rule], now: int) -> int:
        """Forget the accounts that stand where a new one would, and those of rules there are no more; how many that
        were. Whoever asks from ever new addresses fills nothing for longer than his takes count."""
        for key, account in list(self._at_hand.items()):
            if account.state is None or self._whole(rules.get(key[0]), account.state, now):
                self._at_hand.pop(key, None)
        gone, after = 0, ("", b"")
        while rows := await self._ledger.some(after):
            for rule, whose, state in rows:
                if (rule, whose) not in self._at_hand and self._whole(rules.get(rule), state, now):
                    await self._ledger.forget(rule, whose, state)
                    gone += 1
            after = rows[-1][:2]
        return gone

    @staticmethod
    def _whole(rule: Rule | None, state: State, now: int) -> bool:
        return rule is None or rule.limiter.remaining(state, now)[1] <= 0


def _noted(account: Account, kept: asyncio.Future) -> None:
    """A full disk refuses nobody for it; that nothing is written must not be forgotten, though."""
    if kept.cancelled() or isinstance(kept.result(), Exception):
        account.written = None
    if account.writing is kept:
        account.writing = None
