"""The bytes of a mail, read back by Python's own parser."""

import re
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.channel import Message, Sender
from gateway.errors import Invalid
from gateway.mime import build

QUINTA = Sender("Quinta das Flores", "hello@quinta.example")
LINE_BREAKS = "\r\n\0\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e"

lines = st.text(st.characters(blacklist_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=300)
bodies = st.text(st.one_of(st.characters(blacklist_categories=["Cs"]), st.sampled_from("\r\n. \t=é")), max_size=3000)


def mail(**changes) -> Message:
    """A message with the given members instead of the usual ones."""
    usual = {
        "id": "msg_01jd8z0000000000000000000a", "channel": "email", "to": "ana@example.org", "subject": "Your stay",
        "text": "See you on Friday.", "html": "", "sender": QUINTA, "created_at": 1_795_514_400_000,
    }  # fmt: skip
    return Message(**usual | changes)


def read(raw: bytes) -> EmailMessage:
    """What a mail program sees; the parser found no defect in it."""
    parsed = message_from_bytes(raw, policy=policy.default)
    assert [part.defects for part in parsed.walk() if part.defects] == []
    assert [header.defects for header in parsed.values() if getattr(header, "defects", ())] == []
    return parsed


def content(part: EmailMessage) -> str:
    """The text of a part with its line ends as they were sent; the last one before a boundary belongs to that."""
    return part.get_payload(decode=True).decode("utf-8")


def normal(text: str) -> str:
    """The text as it has to arrive: CRLF after every line."""
    text = re.sub(r"\r\n?|\n", "\r\n", text)
    return text if text.endswith("\r\n") else text + "\r\n"


def assert_fit_for_any_server(raw: bytes) -> None:
    """ASCII without controls, CRLF and nothing else as line end, no line over 998."""
    assert raw.isascii() and not re.search(rb"[\0\x0b\x0c]", raw)
    assert raw.count(b"\n") == raw.count(b"\r") == raw.count(b"\r\n") and raw.endswith(b"\r\n")
    assert max(map(len, raw.split(b"\r\n"))) <= 998


# -- what is in it ----------------------------------------------------------------------------------------------------


def test_a_plain_mail_is_what_one_would_write_by_hand():
    """Headers in their usual order, the text as it is."""
    assert build(mail()) == (
        b"From: Quinta das Flores <hello@quinta.example>\r\n"
        b"To: ana@example.org\r\n"
        b"Subject: Your stay\r\n"
        b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
        b"Message-ID: <msg_01jd8z0000000000000000000a@quinta.example>\r\n"
        b"Auto-Submitted: auto-generated\r\n"
        b"MIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"\r\n"
        b"See you on Friday.\r\n"
    )


def test_every_try_has_the_same_message_id():
    """A second copy is recognisable as one; only its date may differ."""
    first, second = build(mail(), at=1_795_514_400_000), build(mail(attempt=2), at=1_795_600_800_000)
    assert read(first)["message-id"] == read(second)["message-id"]
    assert read(second)["date"] == "Wed, 25 Nov 2026 10:00:00 +0000"


def test_headers_for_one_click_unsubscribe_arrive_whole():
    """RFC 8058: both headers, the address in one piece."""
    link = f"<https://messages.quinta.example/u/{'a' * 200}>"
    headers = (("List-Unsubscribe", link), ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    raw = build(mail(headers=headers))
    assert f"\r\nList-Unsubscribe: {link}\r\n".encode() in raw
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw


def test_a_header_of_the_message_replaces_the_request_for_no_machine_answers():
    """Auto-Submitted is there once, and what the message says of it counts."""
    assert read(build(mail())).get_all("auto-submitted") == ["auto-generated"]
    replied = build(mail(headers=(("Auto-Submitted", "auto-replied"),)))
    assert read(replied).get_all("auto-submitted") == ["auto-replied"]


def test_both_texts_are_alternatives_with_the_better_one_last():
    """A program that shows HTML takes the last part, any other the first."""
    parsed = read(build(mail(text="Olá", html="<p>Olá</p>")))
    assert parsed.get_content_type() == "multipart/alternative"
    parts = [(part.get_content_type(), content(part).strip()) for part in parsed.iter_parts()]
    assert parts == [("text/plain", "Olá"), ("text/html", "<p>Olá</p>")]


def test_html_alone_is_one_part():
    """No empty alternative is offered."""
    parsed = read(build(mail(text="", html="<p>Hi</p>")))
    assert (parsed.get_content_type(), content(parsed)) == ("text/html", "<p>Hi</p>\r\n")


def test_a_text_that_holds_the_boundary_stays_whole():
    """The line between the parts is one that is in none of them."""
    text = "--=_msg_01jd8z0000000000000000000a\r\n--=_msg_01jd8z0000000000000000000a_--\r\n"
    parts = list(read(build(mail(text=text, html="<p>Hi</p>"))).iter_parts())
    assert [content(part) for part in parts] == [text.strip(), "<p>Hi</p>"]


# -- encodings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain\n", "7bit"),
        ("a" * 998 + "\n", "7bit"),
        ("a" * 999 + "\n", "quoted-printable"),
        ("tab\there\n", "7bit"),
        ("form feed\x0c\n", "quoted-printable"),
        ("nothing\0\n", "quoted-printable"),
        ("Olá Ana, até sexta-feira às sete da manhã, e obrigado pela visita\n", "quoted-printable"),
        ("Приходите в пятницу\n", "base64"),
        ("金曜日にお会いしましょう\n", "base64"),
    ],
)
def test_the_plainest_encoding_that_survives_is_taken(text: str, encoding: str):
    """7bit where it can be, else the shorter of the other two; 8bit is never assumed."""
    raw = build(mail(text=text))
    parsed = read(raw)
    assert (parsed["content-transfer-encoding"], content(parsed)) == (encoding, normal(text))
    assert_fit_for_any_server(raw)


@given(text=bodies, html=bodies)
def test_every_text_comes_back_as_it_was(text: str, html: str):
    """Whatever the texts are made of, the parser finds them, letter by letter, with their lines ended by CRLF."""
    raw = build(mail(text=text, html=html))
    assert_fit_for_any_server(raw)
    parsed = read(raw)
    parts = list(parsed.iter_parts()) if parsed.is_multipart() else [parsed]
    expected = [body for body in (text, html) if body] or [""]
    seen = [content(part) for part in parts]
    assert [text.removesuffix("\r\n") for text in seen] == [normal(text).removesuffix("\r\n") for text in expected]


@given(subject=lines)
def test_every_subject_comes_back_as_it_was(subject: str):
    """Folded or encoded, a subject reads the same, less the blanks around it."""
    raw = build(mail(subject=subject))
    assert_fit_for_any_server(raw)
    assert read(raw)["subject"] == subject.strip(" \t")


@given(name=lines)
def test_every_display_name_comes_back_and_never_becomes_an_address(name: str):
    """A name full of commas, quotes and brackets is still a name; the one author has the sender's address."""
    raw = build(mail(sender=Sender(name, "hello@quinta.example")))
    assert_fit_for_any_server(raw)
    (author,) = read(raw)["from"].addresses
    assert author.addr_spec == "hello@quinta.example"
    # the parser of `policy.default` leaves a blank between the encoded words of a name, which RFC 2047 §6.2 forbids
    seen, _ = parseaddr(message_from_bytes(raw)["from"])
    assert str(make_header(decode_header(seen))).split() == name.split()


@pytest.mark.parametrize("subject", ["word " * 60, "é" * 400, "x" * 1200, "=?utf-8?q?not_encoded?=", "😀" * 100, ""])
def test_header_lines_stay_within_78_characters_and_encoded_words_within_75(subject: str):
    """RFC 5322 §2.1.1 and RFC 2047 §2."""
    raw = build(mail(subject=subject, sender=Sender("Sõber " * 30, "hello@quinta.example")))
    head = raw.partition(b"\r\n\r\n")[0].decode()
    assert max(map(len, head.split("\r\n"))) <= 78
    assert all(len(word) <= 75 for word in re.findall(r"=\?\S+\?=", head))
    assert read(raw)["subject"] == subject.strip()


def test_an_address_that_is_not_ascii_goes_out_as_utf_8():
    """An address cannot be encoded, so this mail needs a server with SMTPUTF8."""
    raw = build(mail(to="jürgen@example.org"))
    assert "\r\nTo: jürgen@example.org\r\n".encode() in raw
    assert build(mail(to="jurgen@example.org")).isascii()


# -- what is refused --------------------------------------------------------------------------------------------------


def refused(message: Message) -> tuple[str, str]:
    with pytest.raises(Invalid) as refusal:
        build(message)
    (fault,) = refusal.value.faults
    return fault.pointer, fault.code


@pytest.mark.parametrize("character", LINE_BREAKS)
@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        (lambda text: {"subject": text}, "/subject", "control-character"),
        (lambda text: {"sender": Sender(text, "hello@quinta.example")}, "/sender/name", "control-character"),
        (lambda text: {"headers": (("X-Venue", text),)}, "/headers/0", "control-character"),
        (lambda text: {"headers": ((text, "x"),)}, "/headers/0", "bad-header"),
        (lambda text: {"to": f"{text.replace(' ', '')}@example.org"}, "/to", "bad-email"),
        (lambda text: {"sender": Sender("Q", f"{text.replace(' ', '')}@example.org")}, "/sender/email", "bad-email"),
    ],
)
def test_what_may_end_a_line_gets_into_no_header(character: str, changes, pointer: str, code: str):
    """A second header cannot be smuggled in through any member, with any of the characters somebody breaks lines at."""
    assert refused(mail(**changes(f"Hi{character}Bcc: eve@example.org"))) == (pointer, code)
    if code == "control-character":
        assert b"Hi Bcc:" in build(mail(**changes("Hi Bcc: eve")))


@pytest.mark.parametrize(
    "address",
    ["", "ana", "@example.org", "ana@", "a b@example.org", "ana@example.org, eve@example.org", "<ana@example.org>",
     "ana@exa mple.org", '"ana"@example.org', "ana\u00a0@example.org", "a" * 65 + "@example.org", "ana@\ud800.org"],
)  # fmt: skip
def test_what_is_not_one_address_is_refused(address: str):
    """One recipient per mail, and nothing that a server could read as more."""
    assert refused(mail(to=address)) == ("/to", "bad-email")


@pytest.mark.parametrize("address", ["ana@example.org", "o'hara+tag@sub.example.org", "a@b", "josé@example.org"])
def test_what_is_one_address_is_taken(address: str):
    """The control beside the refusals."""
    assert f"\r\nTo: {address}\r\n".encode() in build(mail(to=address))


@pytest.mark.parametrize("name", ["From", "bcc", "Content-Type", "MIME-Version", "Message-Id", "two words", "x:", ""])
def test_headers_the_gateway_writes_itself_are_refused(name: str):
    """No header of a message contradicts the mail's own."""
    assert refused(mail(headers=((name, "x"),))) == ("/headers/0", "bad-header")
    assert b"\r\nReply-To: x\r\n" in build(mail(headers=(("Reply-To", "x"),)))


def test_half_a_character_is_refused_where_it_stands():
    """A lone surrogate cannot be sent; the fault names the member."""
    assert refused(mail(text="\ud800")) == ("/text", "half-character")
    assert refused(mail(html="\udc00")) == ("/html", "half-character")
    assert refused(mail(subject="\ud800")) == ("/subject", "control-character")
    assert "😀" in content(read(build(mail(text="😀"))))


@given(subject=st.text(max_size=60), name=st.text(max_size=60), to=st.text(max_size=40), value=st.text(max_size=60))
def test_nothing_adds_a_header(subject: str, name: str, to: str, value: str):
    """Whatever the members hold, the mail is refused or has exactly the headers it should have."""
    message = mail(subject=subject, sender=Sender(name, "hello@quinta.example"), to=to, headers=(("X-Venue", value),))
    try:
        raw = build(message)
    except Invalid:
        return
    assert [header.lower() for header in message_from_bytes(raw).keys()] == [  # noqa: SIM118  (one may come twice)
        "from", "to", "subject", "date", "message-id", "x-venue", "auto-submitted", "mime-version", "content-type",
        "content-transfer-encoding",
    ]  # fmt: skip
