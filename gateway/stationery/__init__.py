"""The venue's templates: kept, edited, tried out; and messages printed from them in their guest's language."""

from gateway.stationery.cabinet import Cabinet
from gateway.stationery.printing import Printing, Sheet

__all__ = ["Cabinet", "Printing", "Sheet"]
