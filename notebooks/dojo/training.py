"""A small real network, trained and used with its numbers rounded to chosen formats.

Everything is numpy: layers of weights, ReLU between them, softmax at the end, and gradients worked out
by hand. What a `Recipe` names is rounded; all else is float32: sums, the biases (one number per unit),
momentum and Adam's averages. With `weights` at fp32 that float32 copy is the wide master copy.

The data sets ship with scikit-learn: handwritten digits (1,797 pictures of 8 x 8 points, ten kinds)
and breast cancer (569 samples of 30 measurements, two kinds). A seed decides the split into three
quarters to learn from and one to be tested on, the first weights, the order of the examples and the
coin flips; each from a stream of its own, so two recipes with one seed differ in nothing else.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from dojo import formats
from dojo.formats import Format

Matrix = NDArray[np.float32]

DATA = ("digits", "cancer")
OPTIMIZERS = ("sgd", "adam")
#: how gradients are brought into the range of their format: not at all, all by one factor, or each array by its own
SCALINGS = ("none", "loss", "fit")
#: the factor of "loss"
LOSS_SCALE = 1024.0
MOMENTUM = 0.9
#: Adam's two memories and what keeps it from dividing by zero (Kingma and Ba 2015)
ADAM = (0.9, 0.999, 1e-8)


@dataclass(frozen=True)
class Recipe:
    """What is trained, how, and which of its numbers are rounded to which format.

    `weights` is the format the weights are stored in between steps, `coin` whether they are written by
    stochastic rounding; whole numbers are stored on a fixed grid between -1 and 1. `products` is the
    format of weights and activations as they enter a multiplication, `gradients` that of everything the
    way back writes, brought into its range by `scaling`. Formats are ids of number_formats.csv or intN.
    ValueError for what is not known.
    """

    data: str = "digits"
    hidden: tuple[int, ...] = (128, 64)
    optimizer: str = "sgd"
    rate: float = 0.05
    epochs: int = 30
    batch: int = 32
    weights: str = "fp32"
    coin: bool = False
    products: str = "fp32"
    gradients: str = "fp32"
    scaling: str = "none"

    def __post_init__(self) -> None:
        choices = {"data": DATA, "optimizer": OPTIMIZERS, "scaling": SCALINGS}
        for field, allowed in choices.items():
            if getattr(self, field) not in allowed:
                raise ValueError(f"{field} {getattr(self, field)!r}; expected one of {', '.join(allowed)}")
        for name in (self.weights, self.products, self.gradients):
            formats.named(name)
        if not (self.rate > 0 and self.epochs > 0 and self.batch > 0 and min(self.hidden, default=1) > 0):
            numbers = f"rate {self.rate}, epochs {self.epochs}, batch {self.batch}, hidden {self.hidden}"
            raise ValueError(f"{numbers}; expected each above 0")


class Split(NamedTuple):
    """Examples to learn from and examples to be tested on: inputs (count, width), and the right kinds (count,)."""

    inputs: Matrix
    kinds: NDArray[np.int64]
    test_inputs: Matrix
    test_kinds: NDArray[np.int64]


class Layer(NamedTuple):
    """Weights (inputs, units) and one bias for each unit."""

    weights: Matrix
    bias: Matrix


class Sizes(NamedTuple):
    """How large gradients were in one epoch: the share of all that lie between 2^exponent and twice that."""

    epoch: int
    exponent: int
    share: float


@dataclass(frozen=True)
class Trained:
    """A trained network, and what became of its changes on the way."""

    layers: list[Layer]
    #: how much of the intended change was made: 1 when all of it is, on average; 0 when nothing moves
    applied: float
    #: share of single changes that rounding undid
    lost: float
    #: share of gradients other than zero that their format turned into zero
    flushed: float
    sizes: list[Sizes]


# --- data ---------------------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def _examples(name: str) -> tuple[Matrix, NDArray[np.int64]]:
    from sklearn import datasets  # takes a second to import, and only training needs it

    if name == "digits":
        inputs, kinds = datasets.load_digits(return_X_y=True)
        return (inputs / 16).astype(np.float32), kinds
    inputs, kinds = datasets.load_breast_cancer(return_X_y=True)
    return ((inputs - inputs.mean(axis=0)) / inputs.std(axis=0)).astype(np.float32), kinds


def split(name: str, seed: int) -> Split:
    """A data set, shuffled by the seed and cut into three quarters to learn from and one to be tested on."""
    inputs, kinds = _examples(name)
    order = np.random.default_rng([seed, 0]).permutation(len(inputs))
    cut = len(inputs) * 3 // 4
    learn, test = order[:cut], order[cut:]
    return Split(inputs[learn], kinds[learn], inputs[test], kinds[test])


# --- the network ----------------------------------------------------------------------------------------


class Kept(NamedTuple):
    """What the way back needs of a layer: its inputs, and inputs and weights as they were multiplied."""

    inputs: Matrix
    rounded: Matrix
    weights: Matrix


def forward(layers: Sequence[Layer], inputs: Matrix, cast: Callable[[Matrix], Matrix]) -> tuple[Matrix, list[Kept]]:
    """A score for each kind (examples, kinds), and what each layer keeps; `cast` rounds what is multiplied."""
    kept = []
    for number, layer in enumerate(layers):
        kept.append(Kept(inputs, cast(inputs), cast(layer.weights)))
        sums = kept[-1].rounded @ kept[-1].weights + layer.bias
        inputs = np.maximum(sums, 0) if number < len(layers) - 1 else sums
    return inputs, kept


def backward(
    scores: Matrix,
    kept: Sequence[Kept],
    kinds: NDArray[np.int64],
    write: Callable[[Matrix], Matrix],
    scale: float = 1.0,
) -> Iterator[Layer]:
    """The gradients of the mean cross-entropy, times `scale`, from the last layer to the first.

    `scores` and `kept` come from `forward`; `write` rounds each array of gradients as it is written.
    """
    error = _softmax(scores)
    error[np.arange(len(kinds)), kinds] -= 1
    error = write(error * np.float32(scale / len(kinds)))
    for number in reversed(range(len(kept))):
        layer = kept[number]
        yield Layer(write(layer.rounded.T @ error), error.sum(axis=0))
        if number:
            error = write((error @ layer.weights.T) * (layer.inputs > 0))


def _softmax(scores: Matrix) -> Matrix:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def accuracy(layers: Sequence[Layer], data: Split, products: str | Format = "fp32") -> float:
    """Per cent of the test examples answered rightly, with weights and activations rounded to `products`.

    One thread, as in training.
    """
    with threadpool_limits(1):
        scores, _ = forward(layers, data.test_inputs, caster(products))
    return 100 * float(np.mean(scores.argmax(axis=1) == data.test_kinds))


def caster(name: str | Format) -> Callable[[Matrix], Matrix]:
    """A function that rounds an array to nearest as chips do on the way into a multiplication.

    Whole numbers take one scale for the array, by its largest value; a format whose bias can be chosen
    takes the one that fits the array; others are rounded as they are.
    """
    form = formats.named(name)
    if form == formats.named("fp32"):
        return lambda x: x
    if not form.exponent_bits:
        return lambda x: _by_scale(x, form)
    return lambda x: formats.nearest(x, formats.fitted(form, x))


def _by_scale(x: Matrix, form: Format) -> Matrix:
    scale = np.float32(formats.absmax_scale(form, x))
    return formats.nearest(x / scale, form) * scale


# --- training -------------------------------------------------------------------------------------------


def train(recipe: Recipe, seed: int, watched: Sequence[int] = ()) -> Trained:
    """Train a network by the recipe; in the epochs `watched` (the first is 1) the sizes of gradients are kept.

    One thread, so that a run repeats to the last bit on one kind of processor.
    """
    with threadpool_limits(1), np.errstate(over="ignore", invalid="ignore"):
        return _train(recipe, seed, frozenset(watched))


def _train(recipe: Recipe, seed: int, watched: frozenset[int]) -> Trained:
    data = split(recipe.data, seed)
    widths = (data.inputs.shape[1], *recipe.hidden, int(data.kinds.max()) + 1)
    weights, biases, layers = _start(widths, np.random.default_rng([seed, 1]))
    store = _storer(recipe, np.random.default_rng([seed, 3]))
    weights[:] = store(weights)
    step, bias_step = (_stepper(recipe, len(part)) for part in (weights, biases))
    gradients, bias_gradients, written = _views(widths)
    cast, scale = caster(recipe.products), LOSS_SCALE if recipe.scaling == "loss" else 1.0
    write = _Writer(recipe)
    order, tally, sizes = np.random.default_rng([seed, 2]), _Tally(), []
    for epoch in range(1, recipe.epochs + 1):
        write.watch(epoch in watched)
        for batch in _batches(len(data.kinds), recipe.batch, order):
            scores, kept = forward(layers, data.inputs[batch], cast)
            back = backward(scores, kept, data.kinds[batch], write, scale)
            for target, gradient in zip(reversed(written), back, strict=True):
                target.weights[:], target.bias[:] = gradient.weights / scale, gradient.bias / scale
            wanted = weights - step(gradients)
            stored = store(wanted)
            tally.add(wanted - weights, stored - weights)
            weights[:] = stored
            biases -= bias_step(bias_gradients)
        sizes += [Sizes(epoch, exponent, share) for exponent, share in write.sizes()]
    return Trained(layers, tally.applied, tally.lost, write.flushed, sizes)


def _views(widths: Sequence[int]) -> tuple[Matrix, Matrix, list[Layer]]:
    """All weights in one array, all biases in another, and the layers as views of them."""
    shapes = list(itertools.pairwise(widths))
    weights = np.zeros(sum(i * o for i, o in shapes), np.float32)
    biases = np.zeros(sum(widths[1:]), np.float32)
    layers, w, b = [], 0, 0
    for i, o in shapes:
        layers.append(Layer(weights[w : w + i * o].reshape(i, o), biases[b : b + o]))
        w, b = w + i * o, b + o
    return weights, biases, layers


def _start(widths: Sequence[int], rng: np.random.Generator) -> tuple[Matrix, Matrix, list[Layer]]:
    """First weights as He et al. 2015 draw them for ReLU, biases at zero."""
    weights, biases, layers = _views(widths)
    for layer in layers:
        spread = np.sqrt(2 / len(layer.weights))
        layer.weights[:] = rng.standard_normal(layer.weights.shape, dtype=np.float32) * np.float32(spread)
    return weights, biases, layers


def _batches(count: int, size: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """The numbers of the examples in a new order, in parts of `size`; a rest too small for a part is left out."""
    order = rng.permutation(count)
    return np.split(order[: count // size * size], count // size) if count >= size else [order]


def stored(layers: Sequence[Layer], name: str) -> list[Layer]:
    """The layers with their weights rounded to nearest in the format in which they would be stored."""
    return [Layer(formats.nearest(layer.weights, _storage(name)), layer.bias) for layer in layers]


def _storage(name: str) -> Format:
    """The format in which weights are stored: whole numbers as a grid of 2^-mantissa_bits between -1 and 1."""
    form = formats.named(name)
    return form if form.exponent_bits else form.with_bias(1)


def _storer(recipe: Recipe, rng: np.random.Generator) -> Callable[[Matrix], Matrix]:
    """How weights are written: as they are, to nearest or by coin."""
    form = _storage(recipe.weights)
    if form == formats.named("fp32"):
        return lambda x: x
    return (lambda x: formats.stochastic(x, form, rng)) if recipe.coin else (lambda x: formats.nearest(x, form))


def _stepper(recipe: Recipe, count: int) -> Callable[[Matrix], Matrix]:
    """Turns gradients into the change to be taken away from the weights; remembers past gradients."""
    rate, first, second = np.float32(recipe.rate), np.zeros(count, np.float32), np.zeros(count, np.float32)
    fade, fade_squares, tiny = map(np.float32, ADAM)
    steps = 0

    def momentum(gradients: Matrix) -> Matrix:
        first[:] = np.float32(MOMENTUM) * first + gradients
        return rate * first

    def adam(gradients: Matrix) -> Matrix:
        nonlocal steps
        steps += 1
        first[:] = fade * first + (1 - fade) * gradients
        second[:] = fade_squares * second + (1 - fade_squares) * gradients * gradients
        mean, square = first / (1 - fade**steps), second / (1 - fade_squares**steps)
        return rate * mean / (np.sqrt(square) + tiny)

    return momentum if recipe.optimizer == "sgd" else adam


class _Tally:
    """What became of the changes: intended against applied, summed over the run."""

    def __init__(self) -> None:
        self.both = self.square = 0.0
        self.meant = self.undone = 0

    def add(self, intended: Matrix, applied: Matrix) -> None:
        self.both += float(applied @ intended)
        self.square += float(intended @ intended)
        meant = np.count_nonzero(intended)
        self.meant += meant
        self.undone += meant - np.count_nonzero((applied != 0) & (intended != 0))

    @property
    def applied(self) -> float:
        return self.both / self.square if self.square else 1.0

    @property
    def lost(self) -> float:
        return self.undone / self.meant if self.meant else 0.0


class _Writer:
    """Rounds gradients as they are written, and counts what is flushed to zero and how large they are."""

    #: exponents of the smallest and largest size told apart; smaller and larger ones count as these
    LOW, HIGH = -60, 20

    def __init__(self, recipe: Recipe) -> None:
        form = formats.named(recipe.gradients)
        self.plain = form == formats.named("fp32")
        self.round = caster(form) if recipe.scaling == "fit" else lambda x: formats.nearest(x, form)
        self.nonzero = self.zeroed = 0
        self.watch(False)

    def watch(self, on: bool) -> None:
        """Begin an epoch, counting sizes or not."""
        self.watching = on
        self.counts = np.zeros(self.HIGH - self.LOW + 1, np.int64)

    def __call__(self, gradients: Matrix) -> Matrix:
        if self.watching:
            size = np.abs(gradients[gradients != 0])
            exponents = np.clip(np.frexp(size)[1] - 1, self.LOW, self.HIGH) - self.LOW
            self.counts += np.bincount(exponents, minlength=len(self.counts))
        if self.plain:
            return gradients
        rounded = self.round(gradients)
        nonzero = np.count_nonzero(gradients)
        self.nonzero += nonzero
        self.zeroed += nonzero - np.count_nonzero(rounded)
        return rounded

    @property
    def flushed(self) -> float:
        return self.zeroed / self.nonzero if self.nonzero else 0.0

    def sizes(self) -> list[tuple[int, float]]:
        total = self.counts.sum()
        return [(self.LOW + int(i), float(self.counts[i] / total)) for i in np.flatnonzero(self.counts)]
