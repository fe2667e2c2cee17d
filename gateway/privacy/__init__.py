"""What a guest has a say in: what he is asked and agreed to, what he wants stopped, that he is forgotten, and when; and
what the house answers for: its breaches, what it does with data."""

from gateway.privacy.asks import Asks
from gateway.privacy.button import Button
from gateway.privacy.confirmations import Confirmations
from gateway.privacy.consents import Consents
from gateway.privacy.deadlines import Deadlines
from gateway.privacy.endings import Endings
from gateway.privacy.erasure import Erasure
from gateway.privacy.first_asks import FirstAsks
from gateway.privacy.holds import Holds
from gateway.privacy.opt_outs import OptOuts
from gateway.privacy.preferences import Preferences
from gateway.privacy.questions import Questions
from gateway.privacy.receipts import Receipts, house_of
from gateway.privacy.retention import Retention
from gateway.privacy.topics import Topics
from gateway.privacy.visitors import Visitor, Visitors
from gateway.privacy.wishes import Wishes
from gateway.privacy.wordings import Wordings

__all__ = [
    "Asks", "Button", "Confirmations", "Consents", "Deadlines", "Endings", "Erasure", "FirstAsks", "Holds", "OptOuts",
    "Preferences", "Questions", "Receipts", "Retention", "Topics", "Visitor", "Visitors", "Wishes", "Wordings",
    "house_of",
]  # fmt: skip
