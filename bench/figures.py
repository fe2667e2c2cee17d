"""A figure: what was measured, beside its reference from the same run, and what it should reach."""

import statistics


def ratio(name: str, ours: list[float], theirs: list[float], least: float, **more: float) -> dict:
    """The median of ours over the median of theirs."""
    value = statistics.median(ours) / statistics.median(theirs)
    return {"figure": name, "value": round(value, 3), "at_least": least, "ours": round(statistics.median(ours)),
            "reference": round(statistics.median(theirs)), "reached": value >= least} | more  # fmt: skip


def at_least(name: str, value: float, least: float) -> dict:
    """What has no reference but a number it must come up to."""
    return {"figure": name, "value": round(value), "at_least": least, "reached": value >= least}


def at_most(name: str, value: float, most: float) -> dict:
    """What has no reference but a number it may not pass."""
    shown = round(value) if most >= 10 else round(value, 3)
    return {"figure": name, "value": shown, "at_most": most, "reached": value <= most}
