"""What config.toml may say: a struct for every table. Its types and descriptions are what is checked, what
`gateway config explain` tells, and what editors are given.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from gateway import channel
from gateway.config.counted import Endpoint, Spared, Whose
from gateway.config.values import (
    Bytes,
    Category,
    Colour,
    Country,
    Daily,
    Email,
    File,
    Folder,
    Host,
    Language,
    Line,
    Moment,
    Network,
    Opening,
    Origin,
    Period,
    Phone,
    Rate,
    Region,
    Seconds,
    Slug,
    Url,
    Zone,
)
from gateway.model import ChannelName

LIMITS: dict[str, dict[str, Any]] = {
    "send": {"endpoints": ["messages.send", "messages.template"], "quota": 100, "window": "1m"},
    "bulk": {"endpoints": ["messages.bulk"], "quota": 10, "window": "1m"},
    "check": {"endpoints": ["compliance.check"], "quota": 500, "window": "1m"},
    "auth": {"endpoints": ["auth"], "quota": 10, "window": "1m", "by": "ip"},
}
"""The limits that hold unless a table of the same name says otherwise."""

PROVIDERS: dict[str, dict[str, Any]] = {
    "outbox_email": {"plugin": "outbox", "channel": "email"},
    "outbox_sms": {"plugin": "outbox", "channel": "sms"},
}
"""Who delivers while no provider is configured: nobody is written to, the messages lie in a folder to be looked at."""

LARGEST = 1_000_000_000


def about(description: str, **bounds: Any) -> Meta:
    """What a key is for, and between what bounds its value lies."""
    return Meta(description=description, **bounds)


class Table(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One table of config.toml."""


class Server(Table, frozen=True):
    """Where the gateway listens, and under which address the world knows it."""

    host: Annotated[Host, about("Where the API and the guests' pages are served.")] = "127.0.0.1"
    port: Annotated[int, about("The port of the API and the guests' pages; 0 takes any free one.", ge=0, le=65_535)] = (
        8080
    )
    ops_host: Annotated[Host, about("Where health and metrics are served, to whoever asks.")] = "127.0.0.1"
    ops_port: Annotated[int, about("The port of health and metrics; 0 takes any free one.", ge=0, le=65_535)] = 9090
    metrics: Annotated[bool, about("Serve /metrics on the main port too, to callers with the scope ops.")] = False
    public_url: Annotated[Origin, about("What the links in guests' messages begin with.")] = ""
    proxies: Annotated[tuple[Network, ...], about("Proxies whose X-Forwarded headers are believed.")] = ()


class Access(Table, frozen=True):
    """Where the API may be reached from at all, before anybody is asked for a key. The narrowest network around an
    address has the say, also beside the rules that were made over the API; of two alike the one that denies."""

    default: Annotated[Literal["allow", "deny"], about("What holds for an address that no network has.")] = "allow"
    allow: Annotated[tuple[Network, ...], about("Networks that may ask; they still need a key.")] = ()
    deny: Annotated[tuple[Network, ...], about("Networks that may not even ask.")] = ()


class Venue(Table, frozen=True):
    """The house that writes. The law of its country holds beside that of the guest's."""

    name: Annotated[Line, about("The venue's name as guests know it.")] = ""
    country: Annotated[Country | None, about("The country the venue is in.")] = None
    region: Annotated[Region | None, about("Its state or province, where laws differ by state.")] = None
    timezone: Annotated[Zone, about("Its time zone, which also stands in for that of an unknown guest.")] = "UTC"
    language: Annotated[Language, about("The language of the gateway's own words to guests.")] = "en"
    accent: Annotated[
        Colour, about("The colour of buttons on guests' pages. Words in it must be readable on white.")
    ] = ""
    accent_dark: Annotated[Colour, about("The same on a dark screen; the accent with white in it, if left out.")] = ""


class Sender(channel.Sender, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who a message is from. Many laws want offers to carry a name, a postal address and a way to reach the sender:
    without these such messages are refused."""

    name: Annotated[Line, about("The name beside an e-mail's address and at the head of a text.")] = ""
    email: Annotated[Email, about("The address e-mails come from.")] = ""
    phone: Annotated[Phone, about("The number texts come from, where the provider leaves the choice.")] = ""
    postal_address: Annotated[Line, about("Where a letter reaches the sender; it stands at the foot of offers.")] = ""
    contact: Annotated[Line, about("How a guest reaches the sender, in the sender's own words.")] = ""
    warm_up: Annotated[
        tuple[Daily, ...], about("How many messages may leave on its first day, the second, and so on; then any.")
    ] = ()
    unsubscribe_email: Annotated[
        Email, about("A mailbox for stops, named in offers beside the link; somebody must read it.")
    ] = ""


class Topic(Table, frozen=True):
    """A category of messages under a name that guests understand: they choose by it on their pages."""

    about: Annotated[
        Literal["offers", "event", "booking"], about("What kind of messages it has; offers need a guest's yes.")
    ]
    name: Annotated[
        Mapping[Language, Line],
        about('What it is called, by language, such as {en = "The wedding", de = "Die Hochzeit"}.'),
    ] = field(default_factory=dict)
    hint: Annotated[Mapping[Language, Line], about("What is in it, by language.")] = field(default_factory=dict)


class Provider(Struct, frozen=True, kw_only=True):
    """A plugin that delivers for a channel. All other keys of the table belong to the plugin."""

    plugin: Annotated[Slug, about("The name of the plugin that delivers, such as smtp or outbox.")]
    channel: Annotated[ChannelName, about("The channel it delivers for.")]
    connections: Annotated[int, about("How many messages may be on their way to it at once.", ge=1, le=1000)] = 8
    timeout: Annotated[Seconds, about("How long handing over one message may take.")] = 30.0
    rate: Annotated[Rate, about("How many messages it is given at most, evenly.")] | None = None
    country: Annotated[Country | None, about("Where it works; the record of processing names it.")] = None
    uncertain: Annotated[
        Literal["resend", "hold"] | None, about("What becomes of a message that it may or may not have taken.")
    ] = None


class Delivery(Table, frozen=True):
    """How long the gateway goes on trying."""

    retry: Annotated[
        tuple[Seconds, ...], about("The waits before the next attempt; the last repeats.", min_length=1)
    ] = (5.0, 30.0, 120.0, 600.0, 1800.0, 7200.0, 21_600.0)
    give_up_after: Annotated[Seconds, about("The age at which a message that was not delivered fails.")] = 172_800.0


class Limit(Table, frozen=True):
    """So many requests in so much time. The tables send, bulk, check and auth are built in; a table of the same name
    replaces one."""

    endpoints: Annotated[
        tuple[Endpoint, ...], about("What is counted; auth is a wrong key or any password.", min_length=1)
    ]
    quota: Annotated[int, about("How many in a window.", ge=1, le=LARGEST)]
    window: Annotated[Seconds, about("How long a window is.")]
    burst: (
        Annotated[int, about("How many at once after a quiet time; the quota if left out.", ge=1, le=LARGEST)] | None
    ) = None
    by: Annotated[Whose, about("Whose requests count together.")] = "api_key"
    cost: Annotated[
        Literal["request", "recipients"], about("What is counted of a bulk: the request, or everybody it is for.")
    ] = "request"
    exempt: Annotated[tuple[Spared, ...], about("Who is not counted.")] = ()
    dry_run: Annotated[bool, about("Only count what would be refused, in gateway_limited_dry_run_total.")] = False
    algorithm: Annotated[Slug, about("The name of the limiter plugin that counts.")] = "token_bucket"
    enabled: Annotated[bool, about("Whether the limit holds. false is enough to remove a built-in one.")] = True


class Compliance(Table, frozen=True):
    """House rules. The law itself cannot be configured."""

    policy: Annotated[Mapping[str, Any], about("Policies of the rule packs that a venue may set.")] = field(
        default_factory=dict
    )
    request_notice: Annotated[
        Seconds, about("How long before a guest's request is due the alarm is given; and again when it is overdue.")
    ] = 604_800.0
    rules: Annotated[tuple[Mapping[str, Any], ...], about("Rules of the house, which add to the law.")] = ()


class CategoryRetention(Table, frozen=True):
    """How long things of one category of messages are kept, where that differs."""

    bodies: Annotated[Period, about("How long the text of a message of this category is kept after the event.")]


class Retention(Table, frozen=True):
    """How long what is about guests is kept. What is over goes by itself, once a day."""

    bodies: Annotated[
        Period, about("How long the text of a message is kept after the event, or else after it was accepted.")
    ] = "12 months"
    events: Annotated[Period, about("How long it is kept what happened to a message on its way.")] = "13 months"
    inactive_guests: Annotated[Period, about("How long after their last sign of life guests are erased.")] = "36 months"
    consents: Annotated[
        Period, about("How long after a guest was erased it is kept that he had agreed, without who he was.")
    ] = "6 years"
    categories: Mapping[Category, CategoryRetention] = field(default_factory=dict)


class Plugins(Table, frozen=True):
    """Where plugins are looked for."""

    paths: Annotated[
        tuple[Folder, ...], about("Folders of your own plugins, besides built-in and installed ones.")
    ] = ()


class Egress(Table, frozen=True):
    """Where the gateway sends to because a caller said so. Addresses in this file are yours and not bound by it."""

    allow: Annotated[tuple[Opening, ...], about("Addresses that webhooks may reach though they are not public.")] = ()


class Store(Table, frozen=True):
    """The file everything is kept in."""

    allow_network_fs: Annotated[bool, about("Start on a network file system, which may lose what it confirmed.")] = (
        False
    )
    reserve: Annotated[Bytes, about("Disk space kept back, so that guests can say stop when it is full.")] = 64_000_000


class Audit(Table, frozen=True):
    """How often the record of who did what is signed, and where the signatures are kept outside."""

    checkpoint_every: Annotated[int, about("Sign after so many new entries.", ge=1, le=LARGEST)] = 1000
    checkpoint_after: Annotated[Seconds, about("Sign after so much time, if there is anything new.")] = 600.0
    file: Annotated[File | None, about("A file that gets every checkpoint as a line of JSON.")] = None
    webhook: Annotated[Url, about("Where every checkpoint is posted to, signed as Standard Webhooks has it.")] = ""
    webhook_secret_file: Annotated[File | None, about("The file with the secret, whsec_ and base64.")] = None
    email: Annotated[Email, about("Who gets a checkpoint by e-mail.")] = ""
    email_every: Annotated[Seconds, about("How much time lies between two of these e-mails.")] = 86_400.0


class Overload(Table, frozen=True):
    """What is too much. At a mark bulk is refused, at twice the mark offers too, at four times all but stops,
    withdrawals and emergencies."""

    oldest_write: Annotated[Moment, about("How long a write may wait for the store.")] = 1.0
    waiting_writes: Annotated[int, about("How many writes may wait for it.", ge=1, le=LARGEST)] = 2000
    loop_lag: Annotated[Moment, about("How late a request may be begun with.")] = 0.5


class Logs(Table, frozen=True):
    """What the gateway says while it works."""

    format: Annotated[Literal["auto", "json", "text"], about("auto is text on a terminal, else json.")] = "auto"
    level: Annotated[
        Literal["debug", "info", "warning", "error"], about("The least important kind of line to be written.")
    ] = "info"


class Sections(Table, frozen=True):
    """All of config.toml."""

    config_version: Annotated[Literal[1], about("The version of this file's format.")] = 1
    server: Server = Server()
    access: Access = Access()
    venue: Venue = Venue()
    sender: Sender = Sender()
    senders: Mapping[Slug, Sender] = field(default_factory=dict)
    topics: Mapping[Category, Topic] = field(default_factory=dict)
    providers: Mapping[Slug, Provider] = field(default_factory=dict)
    delivery: Delivery = Delivery()
    limits: Mapping[Slug, Limit] = field(default_factory=dict)
    compliance: Compliance = Compliance()
    retention: Retention = Retention()
    plugins: Plugins = Plugins()
    egress: Egress = Egress()
    store: Store = Store()
    audit: Audit = Audit()
    overload: Overload = Overload()
    logs: Logs = Logs()
