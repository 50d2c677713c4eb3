"""A network of a few weights that learns when to brake: small enough to read, complete enough to count.

Everything is ordinary Python numbers, added and multiplied one at a time, so each step can be read,
counted, and comes out the same to the last bit on every machine. Sums are written out, because
`sum` rounds differently from one version of Python to the next.

A clip is one moment on the road: speed and free road ahead, both between 0 and 1, and whether to
brake, 1 or 0. The clips are made up, and so is the rule behind their answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

import pandas as pd

#: what stands for 1: kilometres an hour and metres
SPEED, ROAD = 120, 100
#: units between the two inputs and the answer; each has a weight per input and one of its own
UNITS = 3


class Clip(NamedTuple):
    """One moment on the road, and the right answer."""

    speed: float
    road: float
    brake: int


class Kept(NamedTuple):
    """What the way forward found, which the way back needs again."""

    inputs: tuple[float, float]
    units: list[float]


def clips(count: int = 40, seed: int = 4) -> list[Clip]:
    """Made-up clips: brake where stopping takes more road than is free, by a driver's rule of thumb.

    One second to react, then eight metres a second less each second. Close calls are left out.
    """
    draw = Random(seed)
    found: list[Clip] = []
    while len(found) < count:
        speed, road = draw.random(), draw.random()
        metres_a_second = speed * SPEED / 3.6
        spare = road * ROAD - metres_a_second - metres_a_second * metres_a_second / 16
        if abs(spare) > 8:
            found.append(Clip(speed, road, int(spare < 0)))
    return found


def start(seed: int = 10) -> list[float]:
    """Weights that know nothing yet: drawn by chance between -1 and 1.

    For each unit one for speed, one for road and one of its own; then one per unit for the answer,
    and one of the answer's own.
    """
    draw = Random(seed)
    return [2 * draw.random() - 1 for _ in range(UNITS * 3 + UNITS + 1)]


def forward(weights: Sequence[float], clip: Clip) -> tuple[float, Kept]:
    """The answer for one clip, above one half for braking, and what was found on the way."""
    units = []
    for unit in range(UNITS):
        for_speed, for_road, own = weights[3 * unit : 3 * unit + 3]
        total = for_speed * clip.speed + for_road * clip.road + own
        units.append(total if total > 0 else 0.0)  # a unit answers or is silent
    answer = weights[-1]
    for unit in range(UNITS):
        answer = answer + weights[3 * UNITS + unit] * units[unit]
    return answer, Kept((clip.speed, clip.road), units)


def backward(weights: Sequence[float], kept: Kept, error: float) -> list[float]:
    """For each weight, how much it had to do with the error: the gradient of half the error squared."""
    gradient = []
    for unit in range(UNITS):
        passed_on = error * weights[3 * UNITS + unit]
        if not kept.units[unit] > 0:
            passed_on = passed_on - passed_on  # a silent unit had no part in it
        gradient += [passed_on * kept.inputs[0], passed_on * kept.inputs[1], passed_on]
    gradient += [error * kept.units[unit] for unit in range(UNITS)]
    return [*gradient, error]


def update(
    weights: Sequence[float], average: Sequence[float], gradient: Sequence[float], rate: float = 0.03
) -> tuple[list[float], list[float]]:
    """Every weight a little better, along a running average of its gradients; both anew."""
    average = [0.9 * old + new for old, new in zip(average, gradient, strict=True)]
    return [weight - rate * step for weight, step in zip(weights, average, strict=True)], average


def learn(examples: Sequence[Clip], passes: int, weights: Sequence[float]) -> list[float]:
    """The weights after so many passes over the examples, changed after every one of them."""
    learned, average = list(weights), [0.0] * len(weights)
    for _ in range(passes):
        for clip in examples:
            answer, kept = forward(learned, clip)
            gradient = backward(learned, kept, answer - clip.brake)
            learned, average = update(learned, average, gradient)
    return learned


class Counted(float):
    """A number that counts the multiplications it takes part in, in `done`."""

    done = 0

    def __mul__(self, other: float) -> Counted:
        Counted.done += 1
        return Counted(float(self) * float(other))

    def __add__(self, other: float) -> Counted:
        return Counted(float(self) + float(other))

    def __sub__(self, other: float) -> Counted:
        return Counted(float(self) - float(other))

    __rmul__, __radd__ = __mul__, __add__

    def __rsub__(self, other: float) -> Counted:
        return Counted(float(other) - float(self))


def costs(weights: Sequence[float], clip: Clip) -> pd.DataFrame:
    """What one clip costs, step by step: multiplications, counted while they run, and numbers to remember.

    `remembers` are the numbers that a step needs and that must have been kept until then.
    """
    counted, average = [*map(Counted, weights)], [*map(Counted, [0.0] * len(weights))]
    rows = {}

    def note(step: str, remembers: int) -> None:
        rows[step] = {"multiplications": Counted.done - sum(r["multiplications"] for r in rows.values())}
        rows[step]["remembers"] = remembers

    Counted.done = 0
    answer, kept = forward(counted, Clip(*map(Counted, clip[:2]), clip.brake))
    note("forward", len(counted))
    gradient = backward(counted, kept, answer - clip.brake)
    note("backward", len(counted) + len(kept.inputs) + len(kept.units))
    update(counted, average, gradient)
    note("update", len(counted) + len(gradient) + len(average))
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("step")


def wrong(weights: Sequence[float], examples: Sequence[Clip]) -> int:
    """In how many examples the network brakes when it should not, or does not when it should."""
    return sum((forward(weights, clip)[0] > 0.5) != clip.brake for clip in examples)
