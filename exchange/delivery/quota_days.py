"""What a caller is told of its day's quota."""

from exchange.delivery.errors import Day, QuotaExhausted
from exchange.metering.quota import Reservation, seconds_left_of_today


def require_left(reservation: Reservation) -> None:
    """Raise QuotaExhausted where nothing was given and nothing is left."""
    if reservation.exhausted:
        raise QuotaExhausted(Day(reservation.quota or 0, 0, seconds_left_of_today()))


def day_of(reservation: Reservation, given_back: int = 0) -> Day | None:
    """Return the day as it is once so many records are given back; None without a quota."""
    if reservation.quota is None:
        return None
    return Day(reservation.quota, reservation.left + given_back, seconds_left_of_today())
