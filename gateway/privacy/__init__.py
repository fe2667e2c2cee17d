"""What a guest has a say in: what he agreed to, what he wants stopped, and that he is forgotten."""

from gateway.privacy.consents import Consents
from gateway.privacy.erasure import Erasure
from gateway.privacy.opt_outs import OptOuts
from gateway.privacy.visitors import Visitor, Visitors

__all__ = ["Consents", "Erasure", "OptOuts", "Visitor", "Visitors"]
