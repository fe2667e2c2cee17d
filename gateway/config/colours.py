"""Colours as hexadecimal numbers, and whether words in one can be read on another (WCAG 2.2, 1.4.3)."""

GROUNDS = ("#ffffff", "#19161c")
"""What guests' pages are written on, by day and by night; `tokens.css` has them as --bg."""
READABLE = 4.5
STEPS = 100


def contrast(one: str, other: str) -> float:
    """How well two colours can be told apart, from 1 to 21."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def readable(colour: str, ground: str) -> bool:
    """Whether words in this colour can be read on that ground."""
    return contrast(colour, ground) >= READABLE


def lightened(colour: str) -> str:
    """The colour with as much white in it as the night's ground needs."""
    return next(mixed for mixed in (_mixed(colour, step) for step in range(STEPS + 1)) if readable(mixed, GROUNDS[1]))


def _mixed(colour: str, step: int) -> str:
    return "#" + "".join(f"{channel + (255 - channel) * step // STEPS:02x}" for channel in _channels(colour))


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
