"""Windows of time, promises and amounts, on tables small enough to check in the head."""

import pandas as pd
import pytest

from dojo import dates, tables, timeline


def frame(**columns) -> pd.DataFrame:
    return pd.DataFrame(columns, index=[f"row-{i}" for i in range(len(next(iter(columns.values()))))])


def test_a_month_becomes_the_window_of_its_days():
    dated = timeline.dated(frame(date=["2024-02", "2024-02-29", ""]))
    assert list(dated["days"][:2]) == [29, 1]
    assert pd.isna(dated["start"]["row-2"])
    assert pd.isna(dated["days"]["row-2"])


def test_days_between_two_days_and_not_between_windows():
    events = frame(date=["2025-06-05", "2025-08-07", "2025-08"])
    assert timeline.days_between(events, "row-0", "row-1") == 63
    with pytest.raises(ValueError, match="not dated to the day: 57 to 87 days"):
        timeline.days_between(events, "row-0", "row-2")


def test_during_keeps_only_what_lies_wholly_inside():
    events = frame(date=["2025-08-01", "2025-08", "2025-07-31/2025-08-02", "2025-08-31"])
    assert list(timeline.during(events, "2025-08-01", "2025-08-31").index) == ["row-0", "row-1", "row-3"]


@pytest.mark.parametrize(
    ("outcome", "due", "result"),
    [
        ("met", "2025-01-01", "met"),
        ("open", "2027-01-01", "not yet due"),
        ("open", "2026-01-01", "no record"),
        ("open", "", "open, no date"),
        ("no-record", "", "no record"),
    ],
)
def test_what_became_of_a_promise(outcome, due, result):
    made = frame(made_on=["2024-01-01"], due=[due], outcome_date=[""], outcome=[outcome])
    promised = timeline.promises(made, dates.window("2026-09-10"))
    assert list(promised["result"]) == [result]
    assert timeline.counts(promised)[result] == 1
    assert timeline.counts(promised).sum() == 1


def test_a_goal_is_for_the_day_it_was_due():
    promised = timeline.promises(tables.load("promises"), tables.as_of())
    amounts = timeline.amounts(tables.load("finance_figures"), promised, {"dojo1-h100e": "A", "h100e-q1-2024": "B"})
    goal, fact = amounts.loc["dojo1-h100e"], amounts.loc["h100e-q1-2024"]
    assert (goal["start"], goal["label"]) == (pd.Timestamp("2024-12-31"), "A: 8,000")
    assert (fact["low"], fact["value"], fact["high"]) == (35000, 35000, 40000)


def test_every_track_has_its_lane():
    assert timeline.lanes(tables.load("events"))["lane"].notna().all()


def test_every_outcome_has_its_word():
    allowed = tables.everything()["promises"].fields["outcome"]["constraints"]["enum"]
    assert set(allowed) == set(timeline.OUTCOMES)
