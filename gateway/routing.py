"""Which provider takes a message: the first healthy one of its channel, and how an unhealthy one comes back."""

from collections.abc import Iterable
from math import inf, isfinite

from gateway import metrics
from gateway.channel import Channel
from gateway.clock import Clock
from gateway.pacing import Pacing

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0


class Provider:
    """One `[providers.<name>]`: its channel object, and whether it takes messages at the moment.

    After a failure of its own it is paused, 1 s doubling to 60 s (or as long as it asked for); then one message probes
    it, and only when that has left do the others follow.
    """

    def __init__(self, name: str, channel: str, plugin: Channel, clock: Clock, *, connections: int, timeout: float,
                 resend_uncertain: bool, rate: float | None = None):  # fmt: skip
        self.name, self.channel, self.plugin, self.clock = name, channel, plugin, clock
        self.connections, self.timeout, self.resend_uncertain = connections, timeout, resend_uncertain
        self.pacing = Pacing(name, clock, rate)
        self.paused_until = 0.0
        self.reason: str | None = None
        self.probing = False
        self.recoveries = 0
        """How often it took a message after a failure."""
        self._pause = FIRST_PAUSE
        metrics.PROVIDER_UP.labels(name).set(1)

    @property
    def paused(self) -> bool:
        """Whether nothing may be handed over now."""
        return self.reason is not None and (self.probing or self.clock.monotonic() < self.paused_until)

    @property
    def healthy(self) -> bool:
        """Whether it took the last message it was given."""
        return self.reason is None

    @property
    def standing(self) -> str:
        """`ok`, or why it takes nothing: `paused: auth`, and `down: hung` when it will not be tried again."""
        if self.reason is None:
            return "ok"
        return f"{'paused' if isfinite(self.paused_until) else 'down'}: {self.reason}"

    def admit(self) -> bool:
        """Whether a message may be handed over now. After a pause the first one to ask becomes the probe."""
        if self.reason is None:
            return True
        if self.probing or self.clock.monotonic() < self.paused_until:
            return False
        self.probing = True
        return True

    def worked(self) -> None:
        """It took a message."""
        self.pacing.took()
        if self.reason is not None:
            self.reason, self.probing, self._pause = None, False, FIRST_PAUSE
            self.recoveries += 1
            metrics.PROVIDER_UP.labels(self.name).set(1)

    def released(self) -> None:
        """A probe came to nothing through no fault of the provider's; the next message is the probe."""
        self.probing = False

    def failed(self, reason: str, retry_after: float | None = None) -> float:
        """It failed by its own fault, or asked for a pause; the seconds until it is tried again."""
        if self.probing or self.reason is None:
            if reason == "throttled":
                self.pacing.complained()
            pause = max(self._pause, retry_after or 0.0)
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
            self.paused_until = self.clock.monotonic() + pause
        elif retry_after:
            self.paused_until = max(self.paused_until, self.clock.monotonic() + retry_after)
        self.reason, self.probing = reason, False
        metrics.PROVIDER_UP.labels(self.name).set(0)
        return self.paused_until - self.clock.monotonic()

    def stop(self) -> None:
        """It hung once too often: it is not tried again before a reload or a restart."""
        self.failed("hung", inf)


class Routes:
    """Every provider by channel, in the order of config.toml."""

    def __init__(self, providers: Iterable[Provider]):
        self.providers = {provider.name: provider for provider in providers}
        self._by_channel: dict[str, list[Provider]] = {}
        for provider in self.providers.values():
            self._by_channel.setdefault(provider.channel, []).append(provider)

    def serving(self, channel: str) -> list[Provider]:
        """The providers of a channel in their order; empty when nobody serves it."""
        return self._by_channel.get(channel, [])

    def has(self, channel: str) -> bool:
        return channel in self._by_channel

    def turn_of(self, provider: Provider) -> tuple[str | None, str | None] | None:
        """Which of its channel's messages this provider may take now: (only those that failed last at, none of those
        that failed last at), or None for none. The first healthy one takes what has not just failed there; the next
        healthy one takes just that."""
        if not provider.healthy:
            return None, None
        healthy = [other for other in self.serving(provider.channel) if other.healthy]
        if len(healthy) == 1:
            return None, None
        if provider is healthy[0]:
            return None, provider.name
        return (healthy[0].name, None) if provider is healthy[1] else None
