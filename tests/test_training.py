"""The network learns, its gradients are right, only what is named is rounded, and seeds repeat."""

import numpy as np
import pytest

from dojo import formats, training
from dojo.training import Recipe

#: what names no format keeps everything in 32 bits
PLAIN = training.caster("fp32")
QUICK = {"hidden": (16,), "epochs": 3}


def test_gradients_are_the_slopes_of_the_loss():
    data = training.split("digits", 0)
    layers = [
        training.Layer(w.astype(np.float64), b.astype(np.float64)) for w, b in training.train(Recipe(**QUICK), 0).layers
    ]
    inputs, kinds = data.inputs[:20].astype(np.float64), data.kinds[:20]

    def loss() -> float:
        scores, _ = training.forward(layers, inputs, PLAIN)
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return -float(logs[np.arange(20), kinds].mean())

    gradients = list(training.backward(*training.forward(layers, inputs, PLAIN), kinds, PLAIN))[::-1]
    rng = np.random.default_rng(0)
    for layer, gradient in zip(layers, gradients, strict=True):
        for values, slopes in zip(layer, gradient, strict=True):
            for place in rng.integers(0, values.size, 12):
                flat, before = values.reshape(-1), values.reshape(-1)[place]
                ends = []
                for step in (-1e-5, 1e-5):
                    flat[place] = before + step
                    ends.append(loss())
                flat[place] = before
                assert slopes.reshape(-1)[place] == pytest.approx((ends[1] - ends[0]) / 2e-5, abs=1e-6)


def test_it_learns():
    data = training.split("digits", 0)
    learned = training.train(Recipe(), 0)
    assert training.accuracy(learned.layers, data) > 94
    assert learned.applied == pytest.approx(1, abs=1e-3)
    assert learned.flushed == 0


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"weights": "int8", "coin": True},
        {"products": "int8", "gradients": "fp8-e5m2"},
        {"optimizer": "adam", "rate": 1e-3},
    ],
)
def test_a_seed_repeats_to_the_bit(changes):
    one, two, other = (training.train(Recipe(**QUICK, **changes), seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a.weights, b.weights) for a, b in zip(one.layers, two.layers, strict=True))
    assert not all(np.array_equal(a.weights, b.weights) for a, b in zip(one.layers, other.layers, strict=True))


@pytest.mark.parametrize("name", ["int8", "fp8-e4m3", "bf16"])
@pytest.mark.parametrize("coin", [False, True])
def test_stored_weights_are_values_of_their_format(name, coin):
    form = formats.named(name)
    form = form if form.exponent_bits else form.with_bias(1)
    for layer in training.train(Recipe(**QUICK, weights=name, coin=coin), 0).layers:
        assert np.array_equal(layer.weights, formats.nearest(layer.weights, form))
        assert not np.array_equal(layer.bias, formats.nearest(layer.bias, form))  # biases stay wide


def test_a_coin_keeps_what_rounding_to_nearest_loses():
    near, coin = (training.train(Recipe(**QUICK, rate=0.005, weights="int8", coin=c), 0) for c in (False, True))
    assert near.applied < 0.1
    assert coin.applied == pytest.approx(1, abs=0.1)
    assert near.lost > 0.95


def test_recipes_of_one_seed_share_split_weights_and_order():
    plain, stored = (training.train(Recipe(epochs=1, weights=name), 5).layers[0].weights for name in ("fp32", "fp16"))
    other = training.train(Recipe(epochs=1), 6).layers[0].weights
    assert np.corrcoef(plain.ravel(), stored.ravel())[0, 1] > 0.999
    assert abs(np.corrcoef(plain.ravel(), other.ravel())[0, 1]) < 0.1


def test_three_quarters_are_learned_from_and_none_twice():
    data = training.split("digits", 3)
    assert len(data.kinds) == 1347
    assert len(data.test_kinds) == 450
    rows = np.concatenate([data.inputs, data.test_inputs])
    assert len(np.unique(rows, axis=0)) == len(np.unique(np.concatenate(training.split("digits", 4)[::2]), axis=0))


@pytest.mark.parametrize("name", ["int8", "int3", "fp8-e4m3"])
def test_a_trained_network_is_stored_as_it_would_have_been_in_training(name):
    learned = training.train(Recipe(**QUICK), 0).layers
    form = formats.named(name)
    form = form if form.exponent_bits else form.with_bias(1)
    for layer, kept in zip(learned, training.stored(learned, name), strict=True):
        assert np.array_equal(kept.weights, formats.nearest(layer.weights, form))
        assert not np.array_equal(kept.weights, layer.weights)
        assert np.array_equal(kept.bias, layer.bias)


def test_gradients_are_counted_by_size():
    trained = training.train(Recipe(**QUICK), 0, watched=(1, 3))
    assert {size.epoch for size in trained.sizes} == {1, 3}
    for epoch in (1, 3):
        assert sum(size.share for size in trained.sizes if size.epoch == epoch) == pytest.approx(1)


def test_a_factor_brings_gradients_into_range():
    bare, loss, fit = (
        training.train(
            Recipe(**QUICK, gradients="fp8-e4m3" if scaling != "fit" else "cfloat8-1-4-3", scaling=scaling), 0
        )
        for scaling in training.SCALINGS
    )
    assert bare.flushed > 0.1
    assert loss.flushed < bare.flushed / 2
    assert fit.flushed < bare.flushed / 2


def test_products_in_whole_numbers_take_one_scale():
    x = np.array([[0.5, -2.0], [1.0, 0.013]], np.float32)
    rounded = training.caster("int8")(x)
    assert rounded.max() <= 2
    assert rounded[0, 1] == -2
    assert np.allclose(rounded / (2 / 127), np.rint(rounded / (2 / 127)), atol=1e-4)
    assert not training.caster("int8")(np.zeros(3, np.float32)).any()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"data": "letters"}, "data 'letters'; expected one of digits, cancer"),
        ({"optimizer": "newton"}, "expected one of sgd, adam"),
        ({"scaling": "up"}, "expected one of none, loss, fit"),
        ({"weights": "fp7"}, "no format 'fp7'; there are fp64"),
        ({"rate": 0.0}, "rate 0.0"),
        ({"epochs": 0}, "epochs 0"),
        ({"hidden": (0,)}, r"hidden \(0,\)"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(changes, expected):
    with pytest.raises(ValueError, match=expected):
        Recipe(**changes)
