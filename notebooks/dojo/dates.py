"""Dates as precise as their sources: a day, a month, a quarter, a year, or an interval.

A source that says "in November 2023" gives a window of thirty days, not the first of the month.
Every date of the project is such a window; nothing finer than the source is ever invented.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date

PRECISIONS = ("day", "month", "quarter", "year", "interval")
FORMS = "2025-08-07, 2025-08, 2025-Q3, 2025 or 2025-08-04/2025-08-07"
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True, order=True)
class Window:
    """The days on which something may have happened, both ends included."""

    start: date
    end: date
    #: one of PRECISIONS: how the source dates it
    precision: str

    @property
    def middle(self) -> date:
        """The day half-way through the window, for placing a label."""
        return self.start + (self.end - self.start) // 2

    @property
    def days(self) -> int:
        """How many days the window holds; 1 for a day."""
        return (self.end - self.start).days + 1

    def __str__(self) -> str:
        """The window as prose writes it: 7 August 2025, August 2025, Q3 2025, 2025."""
        month = f"{MONTHS[self.start.month - 1]} {self.start.year}"
        match self.precision:
            case "day":
                return f"{self.start.day} {month}"
            case "month":
                return month
            case "quarter":
                return f"Q{(self.start.month + 2) // 3} {self.start.year}"
            case "year":
                return str(self.start.year)
            case _:
                return self._ends()

    def _ends(self) -> str:
        """An interval in words, no finer than its ends: years, months or days."""
        first, last = self.start, self.end
        if (first.month, first.day, last.month, last.day) == (1, 1, 12, 31):
            return f"{first.year} to {last.year}" if first.year != last.year else str(first.year)
        if first.day == 1 and last == last_day(last.year, last.month):
            return f"{MONTHS[first.month - 1]} {first.year} to {MONTHS[last.month - 1]} {last.year}"
        if (first.year, first.month) == (last.year, last.month):
            return f"{first.day} to {day(last)}" if first != last else day(last)
        return f"{day(first)} to {day(last)}"


def day(when: date) -> str:
    """A calendar day as prose writes it: 7 August 2025."""
    return f"{when.day} {MONTHS[when.month - 1]} {when.year}"


def window(text: str) -> Window:
    """Read a date of the tables as the window of days it stands for.

    Raises ValueError, saying what is wrong, for anything but the FORMS above.
    """
    if text.count("/") == 1:
        first, last = (window(part) for part in text.split("/"))
        if last.end < first.start:
            raise ValueError("an interval whose first date comes before its last")
        return Window(first.start, last.end, "interval")
    if quarter := re.fullmatch(r"((?:19|20)[0-9]{2})-Q([1-4])", text):
        year, number = map(int, quarter.groups())
        return Window(date(year, 3 * number - 2, 1), last_day(year, 3 * number), "quarter")
    match = re.fullmatch(r"((?:19|20)[0-9]{2})(?:-([0-9]{2})(?:-([0-9]{2}))?)?", text)
    if not match:
        raise ValueError(f"a date like {FORMS}")
    return _calendar(*(int(part) if part else None for part in match.groups()))


def _calendar(year: int, month: int | None, number: int | None) -> Window:
    if month is None:
        return Window(date(year, 1, 1), date(year, 12, 31), "year")
    if not 1 <= month <= 12:
        raise ValueError("a month from 01 to 12")
    last = last_day(year, month)
    if number is None:
        return Window(date(year, month, 1), last, "month")
    if not 1 <= number <= last.day:
        raise ValueError(f"a day from 01 to {last.day}, for {MONTHS[month - 1]} {year}")
    return Window(date(year, month, number), date(year, month, number), "day")


def last_day(year: int, month: int) -> date:
    """The last day of a month."""
    return date(year, month, monthrange(year, month)[1])


def between(earlier: Window, later: Window) -> tuple[int, int]:
    """Fewest and most whole days that can lie between two windows; equal when both are days."""
    return (later.start - earlier.end).days, (later.end - earlier.start).days
