"""What a guest has a say in: what he agreed to, what he wants stopped, and that he is forgotten."""

from gateway.privacy.button import Button
from gateway.privacy.consents import Consents
from gateway.privacy.erasure import Erasure
from gateway.privacy.opt_outs import OptOuts
from gateway.privacy.topics import Topics
from gateway.privacy.visitors import Visitor, Visitors

__all__ = ["Button", "Consents", "Erasure", "OptOuts", "Topics", "Visitor", "Visitors"]
