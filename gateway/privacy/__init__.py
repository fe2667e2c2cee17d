"""What a guest has a say in: what he is asked and agreed to, and what he wants stopped; and what the house answers for:
its breaches, what it does with data."""

from gateway.privacy.asks import Asks
from gateway.privacy.confirmations import Confirmations
from gateway.privacy.consents import Consents
from gateway.privacy.endings import Endings
from gateway.privacy.first_asks import FirstAsks
from gateway.privacy.opt_outs import OptOuts
from gateway.privacy.questions import Questions
from gateway.privacy.receipts import Receipts, house_of
from gateway.privacy.visitors import Visitor, Visitors
from gateway.privacy.wordings import Wordings

__all__ = [
    "Asks", "Confirmations", "Consents", "Endings", "FirstAsks", "OptOuts", "Questions", "Receipts", "Visitor",
    "Visitors", "Wordings", "house_of",
]  # fmt: skip
