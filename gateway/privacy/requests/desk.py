"""Everything about requests of guests, put together."""

from msgspec import Struct

from gateway import ids
from gateway.addresses import Addresses
from gateway.batches import Batches
from gateway.clock import Clock
from gateway.config import Config
from gateway.drafts import Drafts
from gateway.guestbook import Entries
from gateway.guestbook.seals import Seals
from gateway.intake import Intake
from gateway.letters import Letters
from gateway.logs import Log
from gateway.privacy.copies import Copies
from gateway.privacy.copies.holdings import Holdings
from gateway.privacy.requests.acts import Acts
from gateway.privacy.requests.clocks import Clocks
from gateway.privacy.requests.erasing import Erasing, Shredder
from gateway.privacy.requests.files import Files
from gateway.privacy.requests.notices import Notices
from gateway.privacy.requests.proofs import Proofs
from gateway.privacy.requests.reception import Reception
from gateway.privacy.requests.rectification import Rectification
from gateway.privacy.requests.rounds import Rounds
from gateway.privacy.requests.turn import Office
from gateway.privacy.requests.visits import Visits
from gateway.rules import Rulebook
from gateway.store.db import Database
from gateway.users import Users


class Keeps(Struct, frozen=True):
    """The parts that outlive a configuration."""

    db: Database
    seals: Seals
    addresses: Addresses
    entries: Entries
    users: Users
    shredder: Shredder
    ids: ids.Ids
    clock: Clock
    log: Log


class Desk(Struct, frozen=True):
    """Where requests come in, how they stand, what is done with them, the copies, what time does, and guests
    who come by themselves."""

    reception: Reception
    files: Files
    acts: Acts
    copies: Copies
    rounds: Rounds
    visits: Visits
    office: Office
    grace_days: int

    @classmethod
    def begin(
        cls, keeps: Keeps, config: Config, rulebook: Rulebook, letters: Letters, drafts: Drafts, intake: Intake,
        batches: Batches,
    ) -> "Desk":  # fmt: skip
        """As this configuration has it."""
        db, seals, clock = keeps.db, keeps.seals, keeps.clock
        office = Office(
            db, letters.vault, keeps.ids, Notices(db, drafts, intake, seals, config),
            Proofs(letters.vault, clock, config.link_base),
        )  # fmt: skip
        clocks = Clocks(rulebook, config.venue)
        erasing = Erasing(office, keeps.shredder)
        acts = Acts(office, clocks, keeps.entries, Rectification(db, letters.vault, seals), erasing)
        reception = Reception(office, acts, clocks, keeps.addresses, clock)
        return cls(
            reception,
            Files(db, office, clock),
            acts,
            Copies(office, seals, Holdings(db, seals, letters, batches), keeps.users, config, clock),
            Rounds(db, office, erasing, clock, keeps.log, config.compliance.request_notice),
            Visits(office, reception, acts, seals, clock),
            office,
            clocks.grace_days,
        )
