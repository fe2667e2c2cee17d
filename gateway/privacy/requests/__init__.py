"""What guests ask about their data: taken down, proven, answered in time, and kept without a name."""

from gateway.privacy.requests.desk import Desk

__all__ = ["Desk"]
