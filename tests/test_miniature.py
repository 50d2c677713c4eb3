"""The small network learns, its gradient is right, and its counts are counted."""

import pytest

from dojo import miniature

CLIPS = miniature.clips()
START = miniature.start()


def test_the_gradient_is_the_slope_of_the_error():
    weights = miniature.learn(CLIPS, 1, START)
    for clip in CLIPS:
        answer, kept = miniature.forward(weights, clip)
        gradient = miniature.backward(weights, kept, answer - clip.brake)
        for number, slope in enumerate(gradient):
            losses = []
            for step in (-1e-6, 1e-6):
                moved = [w + step * (i == number) for i, w in enumerate(weights)]
                losses.append((miniature.forward(moved, clip)[0] - clip.brake) ** 2 / 2)
            assert slope == pytest.approx((losses[1] - losses[0]) / 2e-6, abs=1e-6)


def test_it_learns_its_clips_and_brakes_for_others_too():
    assert miniature.wrong(START, CLIPS) > 10
    learned = miniature.learn(CLIPS, 100, START)
    assert miniature.wrong(learned, CLIPS) == 0
    unseen = miniature.clips(count=200, seed=99)
    assert miniature.wrong(learned, unseen) < 20 < miniature.wrong(START, unseen)


def test_every_machine_gets_the_same_bits():
    learned = miniature.learn(CLIPS, 100, START)
    assert learned[0].hex() == "0x1.7d5c82031c5fap-4"
    assert learned[-1].hex() == "0x1.2a7fc2924b6f2p-1"


def test_learning_changes_no_weights_but_its_own():
    before = list(START)
    miniature.learn(CLIPS, 2, START)
    assert before == START


def test_clips_follow_the_rule_and_leave_out_close_calls():
    for clip in miniature.clips(count=300, seed=2):
        speed, road = clip.speed * miniature.SPEED / 3.6, clip.road * miniature.ROAD
        stopping = speed * 1 + speed**2 / (2 * 8)
        assert clip.brake == (stopping > road)
        assert abs(stopping - road) > 8


def test_multiplications_are_counted_as_by_hand():
    costs = miniature.costs(miniature.learn(CLIPS, 100, START), CLIPS[0])
    inputs, units, weights = 2, miniature.UNITS, len(START)
    assert weights == (inputs + 1) * units + units + 1
    forward = inputs * units + units
    assert costs["multiplications"].to_dict() == {
        "forward": forward,
        "backward": forward + units,  # as many again for the weights, and one per unit to pass the error on
        "update": 2 * weights,
    }
    assert costs["remembers"].to_dict() == {
        "forward": weights,
        "backward": weights + inputs + units,
        "update": 3 * weights,
    }


def test_counting_does_not_change_the_answer():
    clip = CLIPS[3]
    counted = miniature.Clip(*map(miniature.Counted, clip[:2]), clip.brake)
    weights = [*map(miniature.Counted, START)]
    assert miniature.forward(weights, counted)[0] == miniature.forward(START, clip)[0]
    kept = miniature.forward(START, clip)[1]
    assert miniature.backward(weights, kept, 0.25) == miniature.backward(START, kept, 0.25)
    assert 0.5 - miniature.Counted(2) == -1.5
