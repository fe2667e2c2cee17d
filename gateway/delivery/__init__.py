"""From queued to settled: lease what is due, judge it again, hand it over, write down what became of it."""

from gateway.delivery.courier import Courier
from gateway.delivery.release import Release
from gateway.delivery.worker import Delivery

__all__ = ["Courier", "Delivery", "Release"]
