"""Everything about answers of guests in one place: taking them in, deciding them, reading them."""

from msgspec import Struct

from gateway.addresses import Addresses
from gateway.clock import Clock
from gateway.compliance import Compliance
from gateway.config import Config
from gateway.ids import Ids
from gateway.intake import Intake
from gateway.letters import Letters
from gateway.logs import Log
from gateway.privacy.confirmations import Confirmations
from gateway.privacy.deadlines import Deadlines
from gateway.privacy.replies.answering import Answering
from gateway.privacy.replies.files import Files
from gateway.privacy.replies.reviews import Reviews
from gateway.privacy.replies.taking import Taking
from gateway.repeats import Repeats
from gateway.store.db import Database


class Keeps(Struct, frozen=True):
    """What outlives a configuration and is needed here."""

    db: Database
    addresses: Addresses
    repeats: Repeats
    ids: Ids
    clock: Clock
    log: Log


class Desk(Struct, frozen=True):
    """Who does what."""

    taking: Taking
    answering: Answering
    reviews: Reviews
    files: Files

    @classmethod
    def begin(cls, keeps: Keeps, config: Config, compliance: Compliance, letters: Letters, intake: Intake,
              confirmations: Confirmations) -> "Desk":  # fmt: skip
        """Everything, under a configuration."""
        rulebook = compliance.rulebook
        answering = Answering(keeps.db, intake, compliance, letters, config.sender, config.venue.name, keeps.clock)
        taking = Taking(keeps.db, letters.vault, keeps.addresses, rulebook, Deadlines(rulebook, config.venue),
                        confirmations, keeps.repeats, keeps.ids, keeps.clock, keeps.log)  # fmt: skip
        reviews = Reviews(keeps.db, letters, rulebook, answering, intake, keeps.ids)
        return cls(taking, answering, reviews, Files(keeps.db, letters))
