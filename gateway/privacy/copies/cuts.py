"""What is about somebody else is taken out of a copy, and noted where and why (GDPR art. 15(4))."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

MARK = "[…]"
"""What stands where something was."""
_EMAIL = re.compile(r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"\+\d[\d ().-]{6,}\d")
ADDRESS, NAME, WORD = "address_of_another", "name_of_another", "taken_out_by_hand"
"""Why."""


class Cuts:
    """Takes out addresses that are neither the guest's nor the house's, names of people he shares an address with or
    who work here, and the words that staff marked. `found` counts by place and reason."""

    def __init__(self, own: Iterable[str], names: Iterable[str], words: Iterable[str]):
        self._own = {_plain(address) for address in own}
        self._words = [(WORD, _whole(words)), (NAME, _whole(names))]
        self.found: Counter[tuple[str, str]] = Counter()

    def made(self, value: Any, where: str) -> Any:
        """A value with everything taken out of its texts. `where`: its place in the copy."""
        if isinstance(value, str):
            return self._text(value, where)
        if isinstance(value, dict):
            return {self._text(key, where): self.made(one, where) for key, one in value.items()}
        return [self.made(one, where) for one in value] if isinstance(value, list) else value

    def _text(self, text: str, where: str) -> str:
        for why, pattern in self._words:
            if pattern is not None:
                text, count = pattern.subn(MARK, text)
                self._note(where, why, count)
        for pattern in (_EMAIL, _PHONE):
            text = pattern.sub(lambda match: self._address(match[0], where), text)
        return text

    def _address(self, text: str, where: str) -> str:
        if _plain(text) in self._own:
            return text
        self._note(where, ADDRESS, 1)
        return MARK

    def _note(self, where: str, why: str, count: int) -> None:
        if count:
            self.found[where, why] += count


def _plain(address: str) -> str:
    """An address as it is compared: phones by their digits, mail without case."""
    return address.casefold() if "@" in address else re.sub(r"\D", "", address)


def _whole(words: Iterable[str]) -> re.Pattern[str] | None:
    """What finds any of these words as whole ones, the longest first; however they are spaced."""
    spaced = sorted(
        {r"\s+".join(map(re.escape, word.split())) for word in words if word.strip()}, key=len, reverse=True
    )
    return re.compile(rf"(?<!\w)(?:{'|'.join(spaced)})(?!\w)", re.IGNORECASE) if spaced else None
