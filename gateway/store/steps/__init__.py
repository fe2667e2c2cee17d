"""The tables, as numbered steps. A step is never edited once released; a new need is a new step, in a file of its own.

Ids: `id` is the integer inside, `uuid` the 16 bytes behind the public id. Times are milliseconds since 1970 UTC.
Sealed columns end in `_sealed` and hold what `gateway.vault` made of them. `blind` is the keyed blind index of an
address, 16 bytes. Only imported when there is a step to take: most starts need none of it.
"""

from sqlite_utils.migrations import Migrations

from gateway.store.steps import (
    abuse,
    access_rules,
    ageing,
    agreements,
    batches,
    breaches,
    complaints,
    counters,
    data_requests,
    first_tables,
    guests,
    late_stops,
    people,
    record,
    replies,
    spending,
    templates,
    warm_ups,
    webhooks,
)

steps = Migrations("gateway")
for _number, _step in enumerate(
    (
        first_tables,
        templates,
        guests,
        people,
        counters,
        batches,
        webhooks,
        agreements,
        late_stops,
        ageing,
        data_requests,
        record,
        breaches,
        warm_ups,
        access_rules,
        abuse,
        spending,
        replies,
        complaints,
    ),
    start=1,
):
    steps(name=f"{_number:04}_{_step.__name__.rpartition('.')[2]}")(_step.take)
