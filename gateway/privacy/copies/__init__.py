"""The copy a guest gets of what is held about him: gathered, rid of everybody else, readable by people and programs."""

from gateway.privacy.copies.copies import Copies

__all__ = ["Copies"]
