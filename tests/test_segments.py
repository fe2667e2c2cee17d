"""SMS-1: how many messages a text becomes."""

import pytest

from gateway.segments import segments

HEART = "❤"
GRIN = "😀"
CASES = [
    ("", "GSM-7", 0, 1),
    ("a" * 160, "GSM-7", 160, 1),
    ("a" * 161, "GSM-7", 161, 2),
    ("a" * 306, "GSM-7", 306, 2),
    ("a" * 307, "GSM-7", 307, 3),
    ("é à Ç ß Ω\r\n@£§¿", "GSM-7", 15, 1),
    ("ç", "UCS-2", 1, 1),  # only the capital is in the alphabet
    ("€" * 80, "GSM-7", 160, 1),
    ("^{}\\[~]|€\f", "GSM-7", 20, 1),
    ("a" * 159 + "€", "GSM-7", 161, 2),
    # 153 septets a part: an escape at the 153rd begins the next, so that the last of 306 falls into a third
    ("a" * 152 + "€" + "a" * 152, "GSM-7", 306, 3),
    ("a" * 153 + "€" + "a" * 151, "GSM-7", 306, 2),
    (HEART * 70, "UCS-2", 70, 1),
    (HEART * 71, "UCS-2", 71, 2),
    (HEART * 134, "UCS-2", 134, 2),
    (HEART * 135, "UCS-2", 135, 3),
    (GRIN * 35, "UCS-2", 70, 1),
    (GRIN * 36, "UCS-2", 72, 2),
    # 67 units a part hold 33 pairs: 67 of them need a third
    (GRIN * 67, "UCS-2", 134, 3),
    ("a" + GRIN * 33 + "a" + GRIN * 33, "UCS-2", 134, 2),
    ("a" * 159 + HEART, "UCS-2", 160, 3),
]  # fmt: skip


@pytest.mark.parametrize(("text", "encoding", "units", "parts"), CASES)
def test_a_text_is_counted_as_it_travels(text: str, encoding: str, units: int, parts: int):
    """One character outside the alphabet makes it longer, and nothing is cut in half."""
    found = segments(text)
    assert (found.encoding, found.units, found.segments) == (encoding, units, parts)
