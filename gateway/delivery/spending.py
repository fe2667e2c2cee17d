"""Messages cost money: it is counted before they leave, and when a day's is spent a person is asked."""

from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

from gateway import metrics
from gateway.clock import Clock
from gateway.config import Config, in_money
from gateway.config.values import MILLIONTHS
from gateway.delivery.settle import Settled
from gateway.logs import Log
from gateway.segments import segments
from gateway.store import outbox, spending
from gateway.store.db import Database
from gateway.store.outbox import HELD, Due
from gateway.store.spending import Purchase

NEAR = 80
"""From this many hundredths of a ceiling on there is a warning."""


class CostToday(Struct, frozen=True):
    """What a channel has cost on this day of the venue's; amounts as config.toml has them. `near`: it is 80 % of the
    ceiling, or more. `held`: how many messages wait because of it for a person, today's and earlier ones."""

    channel: str
    day: date
    spent: str
    ceiling: str | None
    near: bool
    held: int


class Spending:
    """Counts on disk before a message leaves, so that no kill lets more be spent than a day's ceiling.

    `prices` by provider, of a message or of each segment of a text; `ceilings` by channel; both in millionths. Days are
    those of the venue's clock.
    """

    def __init__(self, db: Database, prices: Mapping[str, int], ceilings: Mapping[str, int], zone: str, clock: Clock,
                 log: Log):  # fmt: skip
        self._db, self._clock, self._zone, self._log = db, clock, ZoneInfo(zone), log
        self._prices, self._ceilings = prices, ceilings

    def price(self, provider: str, channel: str, text: str) -> int:
        """What one message costs with a provider; 0 where nothing is known."""
        price = self._prices.get(provider, 0)
        return price * segments(text).segments if price and channel == "sms" else price

    async def pay(self, due: Due, price: int) -> Purchase | Settled:
        """What was paid for a message; or how it is settled where the ceiling is in its way. Emergencies have no
        ceiling, nor has what a person let go past it. Raises what the store does."""
        day = self._today()
        ceiling = self._ceilings.get(due.channel)
        free = due.class_ == "emergency" or due.past_ceiling
        purchase = Purchase(due.channel, day.toordinal(), price, None if free else ceiling)
        spent = await self._db.write(spending.buy, purchase)
        if spent is None:
            self._log.warning("held at the ceiling of costs", channel=due.channel)
            return Settled(due.id, due.uuid, "held", "cost", due_at=self._clock.now(), lease=HELD, attempts_back=1,
                           uncertain=bool(due.uncertain))  # fmt: skip
        if ceiling is not None and near(spent, ceiling) and not near(spent - price, ceiling):
            self._log.warning("most of a day's money is spent", channel=due.channel)
        return purchase

    def today(self) -> list[CostToday]:
        """How every channel stands that has a ceiling, or has cost something today."""
        day, held = self._today(), outbox.held_by(self._db.reader, "cost")
        spent = spending.on(self._db.reader, day.toordinal())
        return [
            CostToday(channel, day, in_money(cost), None if ceiling is None else in_money(ceiling),
                      ceiling is not None and near(cost, ceiling), held.get(channel, 0))
            for channel in sorted({*self._ceilings, *spent, *held})
            for cost, ceiling in [(spent.get(channel, 0), self._ceilings.get(channel))]
        ]  # fmt: skip

    def measure(self) -> None:
        """Bring the gauges up to date."""
        spent = spending.on(self._db.reader, self._today().toordinal())
        nothing = dict.fromkeys(self._ceilings, 0)
        for gauge, amounts in ((metrics.SPENT, nothing | spent), (metrics.CEILING, self._ceilings)):
            gauge.clear()
            for channel, amount in amounts.items():
                gauge.labels(channel).set(amount / MILLIONTHS)

    def _today(self) -> date:
        return datetime.fromtimestamp(self._clock.now() / 1000, self._zone).date()


def near(spent: int, ceiling: int) -> bool:
    """Whether most of it is spent."""
    return spent * 100 >= ceiling * NEAR


def spending_of(config: Config, db: Database, clock: Clock, log: Log) -> Spending:
    """The prices and ceilings that config.toml has."""
    prices = {name: one.price for name, one in config.providers.items() if one.price is not None}
    ceilings: dict[str, int] = {channel: one.a_day for channel, one in config.costs.items()}
    return Spending(db, prices, ceilings, config.venue.timezone, clock, log)
