"""Times the rounding and the training of `dojo` beside their peers: python -m publish.bench_formats [ROUNDS].

Peers that are not installed are named and left out; gfloat, ml_dtypes and scikit-learn come with the suite,
PyTorch and pychop do not. Contestants take turns within each round, on one thread. Printed are medians, and
how many times as fast as the peer `dojo` is.
"""

from __future__ import annotations

import importlib.util
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any

import ml_dtypes
import numpy as np
from threadpoolctl import threadpool_limits

from dojo import formats, training
from dojo.training import Recipe

#: elements rounded at once: what fits a core's cache, and what does not
SIZES = (2**14, 2**22)
#: each round goes on for at least this long, in seconds
LEAST = 0.05

Contest = dict[str, Callable[[], object]]


@lru_cache
def installed(name: str) -> bool:
    """True when a peer can be imported; says so when not."""
    found = importlib.util.find_spec(name) is not None
    if not found:
        print(f"{name} is not installed: left out")
    return found


def turns(contest: Contest, rounds: int) -> dict[str, float]:
    """Median seconds of each contestant, taken in turn; one round is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in contest}
    for number in range(rounds + 1):
        for name, action in contest.items():
            calls, start = 0, time.perf_counter()
            while (spent := time.perf_counter() - start) < LEAST or not calls:
                action()
                calls += 1
            if number:
                seconds[name].append(spent / calls)
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def roundings(x: np.ndarray) -> Iterator[tuple[str, Contest]]:
    """Rounding float32 to FP8 E4M3 and back to float32, to nearest and by coin, saturating."""
    form, rng = formats.named("fp8-e4m3"), np.random.default_rng(0)
    near: Contest = {"dojo": lambda: formats.nearest(x, form)}
    coin: Contest = {"dojo": lambda: formats.stochastic(x, form, rng)}
    # a cast alone lets what is too large become NaN, so the same clip stands before it
    cast = ml_dtypes.float8_e4m3fn
    near["ml_dtypes"] = lambda: np.clip(x, -448, 448).astype(cast).astype(np.float32)
    near["ml_dtypes, without clip"] = lambda: x.astype(cast).astype(np.float32)
    if installed("gfloat"):
        import gfloat
        from gfloat.formats import format_info_ocp_e4m3 as info

        near["gfloat"] = lambda: gfloat.round_ndarray(info, x, sat=True)
        coin["gfloat"] = lambda: gfloat.round_ndarray(
            info, x, gfloat.RoundMode.Stochastic, True, rng.integers(0, 2**16, x.shape), 16
        )
    if installed("pychop"):
        near |= {"pychop": _pychop(x, 1)}
        coin |= {"pychop": _pychop(x, 5)}
    if installed("torch"):
        import torch

        torch.set_num_threads(1)  # as all others
        tensor = torch.from_numpy(x)
        near["PyTorch"] = lambda: tensor.clamp(-448, 448).to(torch.float8_e4m3fn).to(torch.float32)
    yield "to nearest", near
    yield "by coin", coin


def _pychop(x: np.ndarray, mode: int) -> Callable[[], object]:
    import pychop

    pychop.backend("numpy")
    chop = pychop.Chop(exp_bits=4, sig_bits=3, rmode=mode)
    return lambda: chop(x)


def trainings() -> Iterator[tuple[str, Contest]]:
    """One network of the study: trained by `dojo`, by PyTorch with PyTorch's own casts, by scikit-learn without any."""
    has_torch = installed("torch")
    for words, recipe in {
        "FP32": Recipe(),
        "weights in E4M3, to nearest": Recipe(weights="fp8-e4m3"),
        "weights in BF16, to nearest": Recipe(weights="bf16"),
        "products in E4M3, gradients in E5M2": Recipe(products="fp8-e4m3", gradients="fp8-e5m2"),
    }.items():
        contest: Contest = {"dojo": lambda recipe=recipe: training.train(recipe, 0)}
        if has_torch:
            contest["PyTorch"] = lambda recipe=recipe: train_in_torch(recipe, 0)
        same = "" if words == "FP32" else ", without rounding"
        contest[f"scikit-learn{same}"] = lambda recipe=recipe: train_in_scikit_learn(recipe, 0)
        yield words, contest


def train_in_scikit_learn(recipe: Recipe, seed: int) -> Any:
    """The same training in scikit-learn, all of it in float32, whatever the recipe rounds."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    data = training.split(recipe.data, seed)
    count = len(data.kinds) // recipe.batch * recipe.batch  # a rest too small for a batch is left out
    network = MLPClassifier(
        recipe.hidden,
        solver="sgd",
        alpha=0,  # nothing but the error counts
        batch_size=recipe.batch,
        learning_rate_init=recipe.rate,
        max_iter=recipe.epochs,
        n_iter_no_change=recipe.epochs,  # none is left out
        momentum=training.MOMENTUM,
        nesterovs_momentum=False,
        random_state=seed,
    )
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):  # it was told when to stop
        return network.fit(data.inputs[:count], data.kinds[:count])


def train_in_torch(recipe: Recipe, seed: int) -> Any:
    """The same training in PyTorch, its gradients by autograd where nothing on the way back is rounded."""
    import torch

    kinds = {"fp8-e4m3": (torch.float8_e4m3fn, 448), "fp8-e5m2": (torch.float8_e5m2, 57344)}
    kinds["bf16"] = (torch.bfloat16, 3.3895313892515355e38)

    def cast(x: Any, name: str) -> Any:
        if name == "fp32":
            return x
        kind, most = kinds[name]
        return x.clamp(-most, most).to(kind).to(torch.float32)

    class Product(torch.autograd.Function):
        """A multiplication whose factors are rounded, and whose gradients are rounded as they are written."""

        @staticmethod
        def forward(ctx: Any, x: Any, w: Any) -> Any:
            x, w = cast(x, recipe.products), cast(w, recipe.products)
            ctx.save_for_backward(x, w)
            return x @ w

        @staticmethod
        def backward(ctx: Any, error: Any) -> Any:
            x, w = ctx.saved_tensors
            error = cast(error, recipe.gradients)
            return error @ w.T, cast(x.T @ error, recipe.gradients)

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    data = training.split(recipe.data, seed)
    inputs, right = torch.from_numpy(data.inputs), torch.from_numpy(data.kinds)
    widths = (inputs.shape[1], *recipe.hidden, int(right.max()) + 1)
    pairs = list(pairwise(widths))
    weights = [(torch.randn(i, o) * (2 / i) ** 0.5).requires_grad_() for i, o in pairs]
    biases = [torch.zeros(o, requires_grad=True) for _, o in pairs]
    optimizer = torch.optim.SGD([*weights, *biases], lr=recipe.rate, momentum=training.MOMENTUM)
    plain = recipe.products == recipe.gradients == "fp32"
    for _ in range(recipe.epochs):
        for batch in torch.randperm(len(right))[: len(right) // recipe.batch * recipe.batch].split(recipe.batch):
            x = inputs[batch]
            for number, (w, b) in enumerate(zip(weights, biases, strict=True)):
                x = (x @ w if plain else Product.apply(x, w)) + b
                x = torch.relu(x) if number < len(weights) - 1 else x
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(x, right[batch]).backward()
            optimizer.step()
            with torch.no_grad():
                for w in weights if recipe.weights != "fp32" else ():
                    w.copy_(cast(w, recipe.weights))
    return weights


def main(rounds: int = 7) -> None:
    """Hold every contest and print what each contestant took."""
    with threadpool_limits(1):
        for size in SIZES:
            x = np.random.default_rng(1).standard_normal(size, dtype=np.float32)
            for words, contest in roundings(x):
                print(f"\nrounding {size:,} values {words}, million values a second")
                _show({name: size / taken / 1e6 for name, taken in turns(contest, rounds).items()}, "faster")
        for words, contest in trainings():
            print(f"\ntraining one network, {words}, seconds")
            _show(turns(contest, rounds), "slower")


def _show(found: dict[str, float], better: str) -> None:
    for name, value in found.items():
        ratio = found["dojo"] / value if better == "faster" else value / found["dojo"]
        print(f"  {name:26} {value:10.3f}" + ("" if name == "dojo" else f"   dojo is {ratio:.1f} times as fast"))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
