"""What a guest has a say in: what he agreed to, and what he wants stopped."""

from gateway.privacy.button import Button
from gateway.privacy.consents import Consents
from gateway.privacy.opt_outs import OptOuts
from gateway.privacy.preferences import Preferences
from gateway.privacy.topics import Topics
from gateway.privacy.visitors import Visitor, Visitors
from gateway.privacy.wishes import Wishes

__all__ = ["Button", "Consents", "OptOuts", "Preferences", "Topics", "Visitor", "Visitors", "Wishes"]
