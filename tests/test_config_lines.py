"""Every value of a TOML text has its line, however the text is laid out."""

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.config.lines import lines
from gateway.config.source import leaves

NASTY = '''\
# [not.a.table] = "comment"
title = "a [b] # c = {d}" # real comment "
"quoted.key" = 'x'
dotted.name.here = 1
dotted.name.there = 2.5
[a]
text = """
[inside]
key = "no" """"
raw = \'\'\'it's
"fine" \'\'\'
list = [ # [
  1, [2,
  3], { x = 4,  y.z = [5] },
]
when = 1979-05-27 07:32:00
[[a.many]]
n = 1
[[a.many]]
n = 2
[a.many.under]
m = 3
[[a.many.deep]]
o = 4
[ b . "c d" ]
last = true'''


def test_a_nasty_text_is_walked_rightly():
    """Comments, quotes of all four kinds, lists over lines, dotted keys and arrays of tables."""
    found = lines(NASTY)
    expected = {
        ("title",): 2, ("quoted.key",): 3, ("dotted",): 4, ("dotted", "name", "here"): 4,
        ("dotted", "name", "there"): 5, ("a",): 6, ("a", "text"): 7, ("a", "raw"): 10, ("a", "list"): 12,
        ("a", "list", 0): 13, ("a", "list", 1): 13,
        ("a", "list", 1, 1): 14, ("a", "list", 2): 14, ("a", "list", 2, "y", "z", 0): 14, ("a", "when"): 16,
        ("a", "many"): 17, ("a", "many", 0): 17, ("a", "many", 0, "n"): 18, ("a", "many", 1): 19,
        ("a", "many", 1, "under"): 21, ("a", "many", 1, "under", "m"): 22, ("a", "many", 1, "deep", 0, "o"): 24,
        ("b", "c d"): 25, ("b", "c d", "last"): 26,
    }  # fmt: skip
    assert {path: found.get(path) for path in expected} == expected


# -- any text ---------------------------------------------------------------------------------------------------------

names = st.sampled_from(["a", "b2", "c-d", '"e.f"', "'g h'", '"#[]="', "7"])
fillers = st.sampled_from(['"[x]"', "'#'", '"""\n[y]\n"""', "'''\n= '''", "1.5", "1979-05-27 07:32:00", "true", "-inf"])
breaks = st.sampled_from(["", "\n", " # ]\n", "\n\n"])


@st.composite
def values(draw: Any, depth: int = 2) -> str:
    """A value: plain, or a list or inline table of values. Every number is written as N, to be told apart later."""
    kind = draw(st.sampled_from(["N", "N", "filler", "list", "inline"] if depth else ["N", "filler"]))
    if kind == "filler":
        return draw(fillers)
    if kind == "list":
        items = draw(st.lists(values(depth - 1), max_size=3))
        return "[" + "".join(draw(breaks) + item + draw(breaks) + "," for item in items) + draw(breaks) + "]"
    if kind == "inline":
        keys = draw(st.lists(names, max_size=3, unique=True))
        return "{" + ", ".join(f"{key} = {draw(values(0))}" for key in keys) + "}"
    return "N"


@st.composite
def texts(draw: Any) -> str:
    """A TOML text of sections and arrays of tables in a random lay-out."""
    text = ""
    for number, opening in enumerate(draw(st.lists(st.sampled_from(["[t{}]", "[[many]]", "[deep.t{}]"]), max_size=5))):
        text += opening.format(number) + draw(breaks).rstrip("\n") + "\n"
        for key in draw(st.lists(names, max_size=4, unique=True)):
            text += f"{key} = {draw(values())}{draw(breaks)}\n"
    parts = text.split("N")
    return "".join(part + str(1000 + number) for number, part in enumerate(parts[:-1])) + parts[-1]


@given(texts())
def test_in_any_text_a_value_stands_in_the_line_it_is_given(text: str):
    """Each number of a text, all of them different, is found in the very line that its path leads to."""
    found, rows = lines(text), text.split("\n")
    for path, value in leaves(tomllib.loads(text)):
        assert path in found
        if isinstance(value, int) and value >= 1000:
            assert str(value) in rows[found[path] - 1]
