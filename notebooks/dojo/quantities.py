"""Reads numbers, dates and lengths of time the way prose writes them, and says when two agree.

"about 20", "$16.5 billion", "7 Aug", "two weeks", "35,000 to 40,000", "16.5bn", "5 per cent":
each becomes a Quantity that remembers how precisely it was stated.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from dojo import dates

ONES = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen"""
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
WORDS = {word: number for number, word in enumerate(ONES.split())}
WORDS |= {word: 10 * number for number, word in enumerate(TENS.split(), start=2)}
SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "dozen": 12}
SHORT_SCALES = {"k": 1e3, "m": 1e6, "mn": 1e6, "b": 1e9, "bn": 1e9, "tn": 1e12}
#: mean length in days of the units of time that prose uses
TIME = {"minute": 1 / 1440, "hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 30.4375, "year": 365.25}
#: symbols of units that, said after a number, must be the unit of the row
SYMBOLS = ("GB/s", "TFLOP/s", "TOP/s", "kWh", "GW", "MW", "kW", "W", "GB", "MB", "nm", "ms", "pJ", "mJ")
CURRENCIES = {"$": "USD", "€": "EUR", "£": "GBP"}
ABOUT = ("about", "around", "roughly", "some", "approximately")
ALMOST = ("nearly", "almost")
ABOVE = ("more than", "over", "at least", "above")
BELOW = ("less than", "fewer than", "under", "below", "up to", "at most")

_MONTH = "|".join(sorted((*dates.MONTHS, *(m[:3] for m in dates.MONTHS), "Sept"), key=len, reverse=True))
_NUMBER_WORD = "|".join(sorted((*WORDS, *SCALES), key=len, reverse=True))
_LEAD = "|".join((*ABOUT, *ALMOST, *ABOVE, *BELOW)).replace(" ", r"\s")
_DASH = r"(?:\s?[–—-]\s?|\sto\s|\sand\s)"
PATTERN = re.compile(
    rf"""
      \b(?P<iso>(?:19|20)\d\d-\d\d(?:-\d\d)?)\b
    | \bQ(?P<quarter>[1-4])\s(?P<quarter_year>(?:19|20)\d\d)\b
    | \b(?P<us_month>{_MONTH})\s(?P<us_day>\d{{1,2}}),\s(?P<us_year>(?:19|20)\d\d)\b
    | \b(?:(?P<first_day>\d{{1,2}}){_DASH})?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s(?P<day_month>{_MONTH})\b\.?
      (?:\s(?P<day_year>(?:19|20)\d\d)\b)?
    | \b(?P<month>{_MONTH})\b\.?(?:\s(?P<month_year>(?:19|20)\d\d)\b)?
    | (?:\b(?P<lead>(?i:{_LEAD}))\s)?
      (?P<sign>(?<![\w–-])[-−](?=[\d$€£.]))?(?P<currency>[$€£])?
      (?: (?<![\w.])(?P<digits>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?)(?!\w*\d)
        | \b(?P<words>(?i:(?:{_NUMBER_WORD})(?:[\s-](?:{_NUMBER_WORD}))*))\b
        | \b(?P<article>(?i:an?))\b(?=\s(?:{"|".join((*TIME, *SCALES))})\b) )
      (?: \s?(?P<scale>(?i:hundred|thousand|million|billion|trillion|dozen))\b
        | (?P<short>(?i:bn|tn|mn|k|m|b))\b )?
      (?P<percent>\s?%|\sper\s?cent\b)?
      (?: \s(?P<symbol>{"|".join(SYMBOLS)})(?![\w/]) )?
      (?: [\s-](?:\w+\s)?(?P<time>{"|".join(TIME)})s?\b )?
    """,
    re.VERBOSE,
)


@dataclass(frozen=True)
class Quantity:
    """A number, date or length of time as it was written."""

    text: str
    start: int
    #: the number stated, scale applied; None for a date
    number: float | None = None
    #: size of one unit in the last place that was stated
    unit: float = 1.0
    #: "" exact, "about", "almost", "above" or "below"
    hedge: str = ""
    #: True when a scale (million, dozen) was said instead of its zeros
    scaled: bool = False
    #: the symbol of a unit said after the number
    symbol: str = ""
    currency: str = ""
    percent: bool = False
    #: unit of time, where the number counts one
    time: str = ""
    #: year, quarter, month, first day, day; None where not stated
    date: tuple[int | None, ...] | None = None

    @property
    def is_date(self) -> bool:
        """True when it can only be a date; a bare year may be a number too."""
        return self.date is not None and self.number is None

    @property
    def spelled(self) -> bool:
        """True when it holds no digit."""
        return not re.search(r"\d", self.text)

    @property
    def key(self) -> tuple:
        """What it says, whatever the wording: equal for "8.6" said twice."""
        return (self.number, self.percent, self.time, self.date, self.currency, self.hedge)


def read(text: str) -> list[Quantity]:
    """Every quantity in a text, left to right."""
    found = list(_read(text))
    for i, (first, second) in enumerate(pairwise(found)):
        between = text[first.start + len(first.text) : second.start]
        if second.scaled and not first.scaled and first.number is not None and RANGE.fullmatch(between):
            scale = second.number / _plain(second)
            found[i] = replace(first, number=first.number * scale, unit=first.unit * scale, scaled=True)
    return found


#: what stands between the two numbers of a range; "$5–6 billion" says the scale once
RANGE = re.compile(r"\s?[–—-]\s?|\sto\s")


def _plain(q: Quantity) -> float:
    """The number of a scaled quantity as it was said, before its scale."""
    return float(re.search(r"[\d.,]*\d", q.text)[0].replace(",", "")) if not q.spelled else q.number / q.unit


def _read(text: str) -> Iterator[Quantity]:
    for match in PATTERN.finditer(text):
        found = Quantity(match[0], match.start())
        part = match.groupdict()
        if date := _date(part):
            yield replace(found, date=date)
        elif not part["month"] and not part["day_month"]:
            yield _number(found, part)


def _date(part: dict[str, str | None]) -> tuple[int | None, ...] | None:
    if part["iso"]:
        year, month, day = [*part["iso"].split("-"), None][:3]
        return (int(year), None, int(month), None, int(day) if day else None)
    if part["us_month"]:
        return (int(part["us_year"]), None, _month(part["us_month"]), None, int(part["us_day"]))
    if part["quarter"]:
        return (int(part["quarter_year"]), int(part["quarter"]), None, None, None)
    name = part["day_month"] or part["month"]
    if not name:
        return None
    month = _month(name)
    year = part["day_year"] or part["month_year"]
    first, day = (int(part[p]) if part[p] else None for p in ("first_day", "day"))
    return (int(year) if year else None, None, month, first, day)


def _month(name: str) -> int:
    return next(i for i, month in enumerate(dates.MONTHS, 1) if month.startswith(name[:3]))


def _number(found: Quantity, part: dict[str, str | None]) -> Quantity:
    digits = part["digits"]
    if digits:
        number = float(digits.replace(",", ""))
        unit = 10.0 ** -len(digits.partition(".")[2])
    else:
        number, unit = _spelled(part["words"]) if part["words"] else (1.0, 1.0)
    if part["sign"]:
        number = -number
    scale = SCALES.get((part["scale"] or "").lower(), 1.0) * SHORT_SCALES.get((part["short"] or "").lower(), 1.0)
    lead = re.sub(r"\s", " ", part["lead"] or "").lower()
    hedges = {"about": ABOUT, "almost": ALMOST, "above": ABOVE, "below": BELOW}
    hedge = next((name for name, words in hedges.items() if lead in words), "")
    plain = not (hedge or part["scale"] or part["short"] or part["percent"] or part["currency"] or part["time"])
    year = int(number) if plain and digits and re.fullmatch(r"(19|20)\d\d", digits) else None
    if hedge:
        unit = max(unit, _last_place(number))
    return replace(
        found,
        number=number * scale,
        unit=unit * scale,
        hedge=hedge,
        scaled=scale > 1 or (unit > 1 and not hedge),
        symbol=part["symbol"] or "",
        currency=CURRENCIES.get(part["currency"] or "", ""),
        percent=bool(part["percent"]),
        time=part["time"] or "",
        date=(year, None, None, None, None) if year else None,
    )


def _spelled(words: str) -> tuple[float, float]:
    """The number a run of number words names, and its last scale: "two billion" is two, in billions."""
    total, current, unit = 0.0, 0.0, 1.0
    for word in re.split(r"[\s-]", words.lower()):
        if word in WORDS:
            current += WORDS[word]
        elif SCALES[word] < 1000:
            current = (current or 1) * SCALES[word]
        else:
            total, current, unit = total + (current or 1) * SCALES[word], 0.0, SCALES[word]
    return total + current, 1.0 if current else unit


def _last_place(number: float) -> float:
    """The unit of the last digit that is not a trailing zero: 10 for 20, 1 for 21, 0.1 for 2.5."""
    if number == 0 or not float(number).is_integer():
        return 0.0
    place = 1.0
    while number % (place * 10) == 0:
        place *= 10
    return place


#: share of the number by which a rounded, hedged or converted statement may miss it
SLACK = 0.1


def states(said: Quantity, number: float, time: str = "") -> bool:
    """True when a stated number is an honest way to write this one.

    It must be the number rounded to the last place that was stated ("about 20" states the tens,
    "20" the ones). Where a hedge or a scale word stands, or a length of time was converted (15 days,
    two weeks), it may miss by SLACK at most. After "almost" and "up to" the number must not be
    larger, after "more than" not smaller. A length of time is never an honest way to write a number
    without one.
    """
    if said.number is None or (said.time and not time):
        return False
    converted = bool(said.time) and said.time != time
    if converted:
        number = number * TIME[time] / TIME[said.time]
    tiny = 1e-9 * max(1.0, abs(number))
    near = SLACK * abs(number) + tiny
    if said.hedge in ("above", "below"):
        beyond = number - said.number if said.hedge == "above" else said.number - number
        return -tiny <= beyond <= near
    if said.hedge == "almost" and number >= said.number:
        return False
    loose = said.hedge or said.scaled or converted
    return abs(number - said.number) <= min(said.unit / 2 + tiny, near if loose else math.inf)


def dated(said: Quantity, window: dates.Window) -> bool:
    """True when a stated date is right and no finer than the window it speaks of."""
    if said.date is None:
        return False
    year, quarter, month, first, day = said.date
    ends = (window.start, window.end)
    if year and any(end.year != year for end in ends):
        return False
    if first is not None:
        whole_months = window.start.day == 1 and dates.last_day(window.end.year, window.end.month) == window.end
        stated = [(month, first), (month, day)]
        return window.precision == "interval" and not whole_months and [(e.month, e.day) for e in ends] == stated
    if day is not None:
        return window.precision == "day" and (window.start.month, window.start.day) == (month, day)
    if month:
        return all(end.month == month for end in ends) and window.start.year == window.end.year
    if quarter:
        return all((end.month + 2) // 3 == quarter for end in ends)
    return True


#: what stands between the two ends of a stretch of time
_TO = re.compile(r"\s?[–—-]\s?|\s(?:to|or)\s")


def ends(text: str) -> tuple[Quantity, Quantity] | None:
    """The two dates of a text such as "28 July to 3 August 2025" or "between 2018 and 2019"; None for any other."""
    found = read(text)
    if len(found) != 2 or not all(q.date for q in found):
        return None
    first, last = found
    before, between = text[: first.start], text[first.start + len(first.text) : last.start]
    joined = _TO.fullmatch(between) or (between == " and " and before.endswith("between "))
    return (first, last) if joined else None


def spans(said: tuple[Quantity, Quantity], window: dates.Window) -> bool:
    """True when two stated dates are the ends of an interval; an end without a year has that of the other."""
    years = [q.date[0] for q in said]
    if window.precision != "interval" or years == [None, None]:
        return False
    for q, day in zip(said, (window.start, window.end), strict=True):
        year, quarter, month, first, number = q.date
        stated = (year or max(filter(None, years)), month or day.month, number or day.day)
        if quarter or first or stated != (day.year, day.month, day.day):
            return False
    return True


def same(said: Quantity, other: Quantity) -> bool:
    """True when a quantity of prose agrees with one printed by a cell."""
    if said.date and other.date:
        parts = zip(said.date, other.date, strict=True)
        if all(a is None or a == b for a, b in parts):
            return True
    if said.is_date or other.number is None:
        return False
    if said.percent != other.percent or (said.currency and other.currency and said.currency != other.currency):
        return False
    if said.hedge == "above" and not other.hedge and said.number == other.number:
        return False  # more than 63 is not 63
    if said.hedge and (said.key, said.symbol) == (other.key, other.symbol):
        return True  # nearly 30 is nearly 30
    return states(said, other.number, other.time)
