"""Addresses: their one normal form, and the keyed index by which they are found without being readable."""

import re
from functools import lru_cache

from gateway.errors import Invalid
from gateway.vault.mac import Mac

PLAIN_EMAIL = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
)
PLAIN_PHONE = re.compile(
    r"\+(?:1[2-9][0-9]{2}[2-9][0-9]{6}|(?:31|33|34|41|61|351|353)[1-9][0-9]{8}|44[1-9][0-9]{9}|49[1-9][0-9]{9,10})"
)
"""Numbers of which it is certain that they are in E.164 as they stand. In every other a digit may be one that is only
dialled at home, such as the first 0 of +44 07911 123456: taken as it stands, a stop would miss the same phone."""


class BadEmail(Invalid):
    """Not an e-mail address that mail can be sent to."""


class BadPhone(Invalid):
    """Not a phone number in the international form, such as +351912345678."""


class Index:
    """Normal forms and blind indexes. The key behind it is never replaced: suppressions outlive everything else."""

    def __init__(self, key: bytes):
        self._mac = Mac(key)

    def normalise(self, kind: str, text: str) -> str:
        """The normal form: e-mail in lower case with its domain in IDNA, no dot or plus folding; phone as E.164.
        Raises Invalid, never quoting the address."""
        return email(text) if kind == "email" else phone(text)

    def blind(self, kind: str, normal: str) -> bytes:
        """16 bytes that are the same for the same address and tell nothing to whoever lacks the key."""
        return self._mac.digest(f"{kind}:{normal}".encode())[:16]


def email(text: str) -> str:
    """An e-mail address in its normal form."""
    lowered = text.strip().lower()
    if len(lowered) <= 254 and PLAIN_EMAIL.fullmatch(lowered) and "xn--" not in lowered:
        return lowered
    return _unusual_email(text.strip())


@lru_cache(10_000)
def _unusual_email(text: str) -> str:
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 slow to import, and seldom needed

    try:
        found = validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        raise BadEmail() from None
    return f"{found.local_part.lower()}@{(found.ascii_domain or found.domain).lower()}"


def phone(text: str) -> str:
    """A phone number in E.164."""
    stripped = text.strip()
    return stripped if PLAIN_PHONE.fullmatch(stripped) else _unusual_phone(stripped)


@lru_cache(10_000)
def _unusual_phone(text: str) -> str:
    import phonenumbers  # noqa: PLC0415 slow to import, and seldom needed

    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        raise BadPhone() from None
    if not phonenumbers.is_possible_number(number):
        raise BadPhone()
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
