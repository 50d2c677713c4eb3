"""Events, promises and windows of time: pure functions from tables to tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from dojo import dates

#: which lane of the long timeline a track of the events table is drawn in
LANES = {
    "statement": "Statements",
    "programme": "Programme and hardware",
    "product": "Programme and hardware",
    "hardware": "Programme and hardware",
    "people": "People",
    "deal": "Deals and money",
    "finance": "Deals and money",
}
#: outcomes of promises in the order in which they are shown, with the words that name them
OUTCOMES = {
    "met": "met",
    "late": "late",
    "missed": "missed",
    "abandoned": "abandoned",
    "superseded": "superseded",
    "no-record": "no record",
    "open": "not yet due",
}


def dated(frame: pd.DataFrame, column: str = "date", prefix: str = "") -> pd.DataFrame:
    """Add the window each date stands for: columns start, end (datetime) and days (whole days).

    Rows whose date is empty get NaT and <NA>. `prefix` goes before the new names, for tables with
    several dates.
    """
    windows = [dates.window(text) if text else None for text in frame[column]]
    return frame.assign(
        **{
            f"{prefix}start": pd.to_datetime([w.start if w else None for w in windows]),
            f"{prefix}end": pd.to_datetime([w.end if w else None for w in windows]),
            f"{prefix}days": pd.array([w.days if w else None for w in windows], dtype="Int64"),
        }
    )


def lanes(events: pd.DataFrame) -> pd.DataFrame:
    """Dated events with the lane each is drawn in, earliest first."""
    return dated(events).assign(lane=events["track"].map(LANES)).sort_values(["start", "days"], kind="stable")


def days_between(events: pd.DataFrame, earlier: str, later: str) -> int:
    """Whole days from one event to another; ValueError when either is not dated to the day."""
    fewest, most = dates.between(dates.window(events["date"][earlier]), dates.window(events["date"][later]))
    if fewest != most:
        raise ValueError(f"{earlier} or {later} is not dated to the day: {fewest} to {most} days")
    return fewest


def during(events: pd.DataFrame, first: str, last: str) -> pd.DataFrame:
    """Dated events whose whole window lies between two dates, both included, earliest first."""
    found = dated(events)
    inside = (found["start"] >= first) & (found["end"] <= last)
    return found[inside].sort_values(["start", "days"], kind="stable")


def promises(table: pd.DataFrame, as_of: dates.Window) -> pd.DataFrame:
    """Promises with the windows made, due and settled, and the outcome in words.

    A promise still open is "not yet due", "no record" when its due date has passed, and "open, no
    date" when it never had one.
    """
    frame = dated(table, "made_on", "made_")
    frame = dated(frame, "due", "due_")
    frame = dated(frame, "outcome_date", "outcome_")
    words = frame["outcome"].map(OUTCOMES)
    undated = (frame["outcome"] == "open") & frame["due_end"].isna()
    overdue = (frame["outcome"] == "open") & (frame["due_end"] < pd.Timestamp(as_of.end))
    words = words.mask(undated, "open, no date").mask(overdue, "no record")
    return frame.assign(result=words)


def counts(promised: pd.DataFrame) -> pd.Series:
    """How many promises came to each result, in the order they are shown."""
    order = [*dict.fromkeys([*OUTCOMES.values(), "open, no date"])]
    return promised["result"].value_counts().reindex(order, fill_value=0).rename("promises")


def amounts(figures: pd.DataFrame, promised: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """Named figures with the window they are for, and the words that label each: "Dojo 1: 8,000".

    A goal is for the due date of the promise behind it, any other figure for its own date. Without
    low or high the value itself stands for them.
    """
    picked = dated(figures.loc[list(names)])
    due = promised.reindex(picked["promise_id"])[["due_start", "due_end"]].set_axis(picked.index)
    return picked.assign(
        start=due["due_start"].fillna(picked["start"]),
        end=due["due_end"].fillna(picked["end"]),
        low=picked["low"].fillna(picked["value"]),
        high=picked["high"].fillna(picked["value"]),
        label=[f"{names[i]}: {value:,.0f}" for i, value in picked["value"].items()],
    )


def follow_up(promised: pd.DataFrame, events: pd.DataFrame, chosen: Sequence[str]) -> pd.DataFrame:
    """Chosen promises with two short texts: what was said, and what came of it.

    Adds said (the promise) and happened (its result, the day and the event that settled it), and
    held, the whole days from statement to settlement (<NA> while open).
    """
    picked = promised.loc[list(chosen)]
    event = events["label"].reindex(picked["outcome_event_id"]).set_axis(picked.index).fillna("nothing on record")
    days = (picked["outcome_start"] - picked["made_start"]).dt.days.astype("Int64")
    after = [f"after {held} days: " if pd.notna(held) else "still open: " for held in days]
    return picked.assign(said=picked["promise"], happened=after + event, held=days)
