"""Guest Gateway: messages to guests, judged by the law, delivered, and proven."""

__version__ = "0.1.0"
