"""Everything that is counted. Labels come from closed sets only: no guest, address or free text ever becomes one."""

from functools import lru_cache
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

Kind = TypeVar("Kind", Counter, Histogram)
REGISTRY = CollectorRegistry(auto_describe=True)

REQUESTS = Counter(
    "gateway_http_requests_total", "Requests answered.", ["method", "route", "status"], registry=REGISTRY
)
REQUEST_SECONDS = Histogram(
    "gateway_http_request_duration_seconds", "Time from a request's head to its answer.", ["route"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10), registry=REGISTRY,
)  # fmt: skip
MESSAGES = Counter(
    "gateway_messages_total", "Messages that came into a state.", ["channel", "state"], registry=REGISTRY
)
DECISIONS = Counter(
    "gateway_decisions_total", "Rules that denied or deferred, by rule.", ["decision", "rule"], registry=REGISTRY
)
ATTEMPTS = Counter(
    "gateway_attempts_total", "Hand-overs to a provider, by how they ended.", ["channel", "provider", "outcome"],
    registry=REGISTRY,
)  # fmt: skip
HANDOVER_SECONDS = Histogram(
    "gateway_handover_duration_seconds", "Time one hand-over to a provider took.", ["provider"],
    buckets=(0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30), registry=REGISTRY,
)  # fmt: skip
QUEUE = Gauge("gateway_outbox_messages", "Messages still to go out.", ["channel", "lease"], registry=REGISTRY)
PROVIDER_UP = Gauge("gateway_provider_up", "1 while a provider takes messages, 0 while it is paused.", ["provider"],
                    registry=REGISTRY)  # fmt: skip
PROVIDER_PACE = Gauge("gateway_provider_pace_per_second", "Messages a second a provider is given at most.",
                      ["provider"], registry=REGISTRY)  # fmt: skip
PACED = Counter(
    "gateway_paced_total", "Messages put back by the pace of their sender or of where they go.", ["channel"],
    registry=REGISTRY,
)  # fmt: skip
SPENT = Gauge("gateway_costs_today", "What the messages of this day have cost.", ["channel"], registry=REGISTRY)
CEILING = Gauge("gateway_costs_ceiling", "What they may cost a day before a person is asked.", ["channel"],
                registry=REGISTRY)  # fmt: skip
COMMITS = Histogram(
    "gateway_store_commit_jobs", "Writes that shared one commit.", buckets=(1, 2, 5, 10, 25, 50, 100, 250, 1000),
    registry=REGISTRY,
)  # fmt: skip
STORE_ERRORS = Counter("gateway_store_errors_total", "Transactions the store refused.", ["error"], registry=REGISTRY)
WAL_BYTES = Gauge("gateway_store_wal_bytes", "Size of the write-ahead log.", registry=REGISTRY)
ACCESS_DENIED = Counter(
    "gateway_access_denied_total", "Requests turned away by the access lists.", ["by"], registry=REGISTRY
)
LIMITED = Counter(
    "gateway_limited_total", "Requests refused because a limit was used up.", ["limiter"], registry=REGISTRY
)
WOULD_LIMIT = Counter(
    "gateway_limited_dry_run_total",
    "Requests that a limit on trial would have refused.",
    ["limiter"],
    registry=REGISTRY,
)
ABUSE_STEPS = Counter("gateway_abuse_steps_total", "Steps taken against abuse.", ["step"], registry=REGISTRY)
ABUSE_HELD = Counter(
    "gateway_abuse_held_total", "Requests refused because of a step against abuse.", ["step"], registry=REGISTRY
)
ABUSE_WOULD_HOLD = Counter(
    "gateway_abuse_held_dry_run_total", "Requests that a step on trial would have refused.", ["step"], registry=REGISTRY
)
WEBHOOK_ATTEMPTS = Counter(
    "gateway_webhook_attempts_total", "Requests to webhooks, by how they ended.", ["outcome"], registry=REGISTRY
)
WEBHOOK_SECONDS = Histogram(
    "gateway_webhook_attempt_duration_seconds", "Time one request to a webhook took.",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15), registry=REGISTRY,
)  # fmt: skip
WEBHOOK_WAITING = Gauge("gateway_webhook_deliveries", "Events that wait for a webhook to take them.", registry=REGISTRY)
DATA_REQUESTS = Gauge(
    "gateway_data_requests", "Requests of guests about their data that are not finished.", ["kind", "clock"],
    registry=REGISTRY,
)  # fmt: skip
COMPLAINTS = Gauge(
    "gateway_complaints", "Complaints about data whose receipt is still to be confirmed.", ["clock"], registry=REGISTRY
)
LATE_STOPS = Gauge(
    "gateway_late_stops", "Stops of the last 30 days that were entered after the law's deadline.", registry=REGISTRY
)
SIGN_INS = Counter(
    "gateway_sign_ins_total", "Tries to sign in or to refresh, by how they ended.", ["outcome"], registry=REGISTRY
)
AUDIT_BEHIND = Gauge(
    "gateway_audit_outside_behind_seconds", "For how long a place outside has been owed a checkpoint.", ["place"],
    registry=REGISTRY,
)  # fmt: skip
AUDIT_ENTRIES = Counter("gateway_audit_entries_total", "Audit entries written.", registry=REGISTRY)
ERASED = Counter("gateway_guests_erased_total", "Guests whose key was destroyed.", registry=REGISTRY)
AGED = Counter(
    "gateway_retention_deleted_total", "What was deleted because its time was over.", ["what"], registry=REGISTRY
)
BREACH_CLOCKS = Gauge(
    "gateway_breach_deadlines", "Authorities still to be told of a breach, by how near the time is.", ["due"],
    registry=REGISTRY,
)  # fmt: skip
LOG_DROPPED = Counter("gateway_log_lines_dropped_total", "Log lines nobody could be given in time.", registry=REGISTRY)
LOOP_LAG = Gauge("gateway_loop_lag_seconds", "How late the event loop ran its last timer.", registry=REGISTRY)
REFUSING = Gauge(
    "gateway_overload_refusing", "0 calm, 1 bulk is refused, 2 offers too, 3 all but what always passes.",
    registry=REGISTRY,
)  # fmt: skip
SHED = Counter("gateway_shed_total", "Requests refused because there was too much to do.", ["importance"],
               registry=REGISTRY)  # fmt: skip
WRITES_WAITING = Gauge("gateway_store_waiting_writes", "Writes that are not on disk yet.", registry=REGISTRY)
OLDEST_WRITE = Gauge("gateway_store_oldest_write_seconds", "How long the oldest of them has waited.", registry=REGISTRY)
CONNECTIONS = Gauge("gateway_http_connections", "Open client connections.", registry=REGISTRY)
INFO = Gauge("gateway_build_info", "Always 1; the labels say what runs.", ["version", "sqlite"], registry=REGISTRY)


@lru_cache(4096)
def of(metric: Kind, *labels: str) -> Kind:
    """The part of a metric with these labels, remembered: looking it up costs more than counting."""
    return metric.labels(*labels)
