"""The guestbook: who the guests are, one by one or as a whole list from a file; found, added, edited, given out."""

from gateway.guestbook.book import Book
from gateway.guestbook.entries import Entries
from gateway.guestbook.exports import Exports
from gateway.guestbook.imports import Imports

__all__ = ["Book", "Entries", "Exports", "Imports"]
