"""What a guest has a say in: what he agreed to, what he wants stopped, that he is forgotten, and when at the latest."""

from gateway.privacy.button import Button
from gateway.privacy.consents import Consents
from gateway.privacy.erasure import Erasure
from gateway.privacy.holds import Holds
from gateway.privacy.opt_outs import OptOuts
from gateway.privacy.retention import Retention
from gateway.privacy.topics import Topics
from gateway.privacy.visitors import Visitor, Visitors

__all__ = ["Button", "Consents", "Erasure", "Holds", "OptOuts", "Retention", "Topics", "Visitor", "Visitors"]
