"""The sliders and lists of a live front end, each with a name that a screen reader says.

One widget holds all controls of a function; the browser makes them from native inputs (controls.js). What the
function shows is an output of its own below them, so a notebook that a reader saves keeps the figure.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from IPython.display import DisplayHandle, display

from dojo.show import Shown

FOLDER = Path(__file__).parent


class Controls(anywidget.AnyWidget):
    """Controls below each other, folded under a heading if there is one; `values` follows what the reader sets."""

    _esm = FOLDER / "controls.js"
    _css = FOLDER / "controls.css"
    heading = traitlets.Unicode().tag(sync=True)
    fields = traitlets.List(traitlets.Dict()).tag(sync=True)
    values = traitlets.Dict().tag(sync=True)
    #: how many moves were answered, so that the browser notices when nobody does
    answers = traitlets.Int().tag(sync=True)
    #: the page load in which the cell ran: results reach no other
    page = traitlets.Unicode().tag(sync=True)

    def __repr__(self) -> str:
        return "Sliders and lists: run this cell."


class Explorer:
    """A function with a control for each of its choices: shows the result anew whenever one is moved."""

    def __init__(
        self,
        function: Callable[..., Shown],
        values: Mapping[str, Any],
        choices: Mapping[str, Any],
        groups: Mapping[str, Sequence[str]],
    ) -> None:
        """`values`: all arguments as they start; `choices` and `groups` as in `dojo.show.explore`."""
        self.function, self.values = function, dict(values)
        grouped = {name for names in groups.values() for name in names}
        parts = {"": [name for name in choices if name not in grouped], **groups}
        self.controls = {
            heading: Controls(
                heading=heading,
                fields=[_field(name, choices[name], values[name]) for name in names],
                values={name: values[name] for name in names},
            )
            for heading, names in parts.items()
        }
        self._output: DisplayHandle | None = None
        for controls in self.controls.values():
            controls.observe(self._moved, "values")

    def _ipython_display_(self) -> None:
        gc.collect()
        gc.freeze()  # what lives by now is not looked at again: that took a tenth of a second amid a move
        first, *folded = self.controls.values()
        display(first)
        self._output = display(self._result(), display_id=True)
        for controls in folded:
            display(controls)

    def _moved(self, change: Mapping[str, Any]) -> None:
        # whole numbers come back from the browser as int, also where the function was written for float
        self.values |= {n: float(v) if isinstance(self.values[n], float) else v for n, v in change["new"].items()}
        if self._output:
            self._output.update(self._result())
        change["owner"].answers += 1

    def _result(self) -> Shown:
        try:
            return self.function(**self.values)
        except Exception as error:  # else it would stand in the server's log, and the old result would stay
            return Shown.plain(f"{type(error).__name__}: {error}")


def _field(name: str, choice: tuple | list, start: Any) -> dict[str, Any]:
    """What the browser needs for one control; ValueError where it could not stand at its start."""
    label = name.replace("_", " ")
    if isinstance(choice, tuple):
        low, high, step = choice if len(choice) == 3 else (*choice, 1)
        steps = (start - low) / step
        if not low <= start <= high or abs(steps - round(steps)) > 1e-6:
            raise ValueError(f"{name} starts at {start!r}; expected {low} to {high} in steps of {step}")
        return {"name": name, "label": label, "low": low, "high": high, "step": step}
    if start not in choice:
        raise ValueError(f"{name} starts at {start!r}; expected one of {', '.join(map(str, choice))}")
    numbers = all(isinstance(option, Real) for option in choice)
    return {"name": name, "label": label, "options": [*choice], "slides": numbers}
