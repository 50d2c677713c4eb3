"""What the charts promise: every row a mark, words that do not collide, nothing said by colour alone."""

import itertools
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from urllib.parse import unquote

import matplotlib.colors
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from dojo import (
    board,
    charts,
    chips,
    formats,
    marks,
    measure,
    miniature,
    mlperf,
    people,
    roofline,
    scaling,
    sheets,
    show,
    study,
    tables,
    timeline,
    verdict,
)

AS_OF = tables.as_of()
CLAIMS = tables.load("article_claims")
JUDGED = verdict.judgements()
CHAINS = verdict.chains(JUDGED)
SEEN = verdict.views(JUDGED, CHAINS)
ACCOUNTS = verdict.names(JUDGED)
TOGETHER = pd.DataFrame(
    {step: verdict.weigh(JUDGED, verdict.Weights(together=step))["odds"] for step in np.linspace(0, 1, 41)}
).T
EVENTS = timeline.lanes(tables.load("events"))
PROMISES = timeline.promises(tables.load("promises"), AS_OF)
SUMMER = timeline.during(EVENTS, "2025-06-05", "2025-08-10").query("label != ''")
ENDS = ("dojo3-will-be-great", "dojo-disbanded-report")
FOLLOWED = timeline.follow_up(PROMISES, EVENTS, ["ai5-finished-design", "ai5-ai6-for-training-clusters"])
AMOUNTS = [
    timeline.amounts(tables.load("finance_figures"), PROMISES, names)
    for names in ({"dojo2-h100e": "Dojo 2"}, {"h100e-q1-2024": "Tesla", "cortex-h100e-q2-2025": "Cortex"})
]
NAMED = {"ai-day-1-d1": "the chip", "dojo-disbanded-report": "the report", "dojo3-restart": "the restart"}

MOVES = people.moves()
FLOW = people.flow(MOVES)
LEAVING = people.span(MOVES, "chang-leaves-2023", "twenty-to-densityai")
CLOSED = EVENTS["start"]["dojo-disbanded-report"]
POSTS = {
    "Cars": {"Jim Keller": ("keller-joins-2016", "keller-leaves-2018")},
    "Dojo": {"Ganesh Venkataramanan": ("venkataramanan-leads-dojo", "venkataramanan-leaves-2023")},
    "After": {"Aaron Rodgers: silicon": ("dojo-silicon-to-rodgers-2025", None)},
}
TENURES = people.tenures(MOVES, POSTS)
LANES = {
    "Said": EVENTS.loc[["double-down", "dojo2-at-scale-next-year", "dojo3-restart"]],
    "Left": FLOW.loc[["quinnell-leaves-2024", "bannon-leaves-2025"]].assign(label=""),
    "The group": people.possible("may have left on these days", "2023-11-01", CLOSED),
    "The order": pd.concat(
        [people.possible("no first day", None, CLOSED), EVENTS.loc[["order-dated-by-one-outlet"]].assign(label="one")]
    ),
    "Hiring": FLOW[FLOW["part"] == "call"],
}
TOLD = [*MOVES.index[MOVES.index.str.startswith("twenty")], "dojo-rest-v2-twenty"]
TREE = people.retellings(MOVES, tables.load("sources"), TOLD)

NEEDS = chips.needs(tables.load("requirements"))
CLIPS = miniature.clips()
STAGES = {words: miniature.learn(CLIPS, passes, miniature.start()) for words, passes in (("before", 0), ("after", 9))}
TIMED = tables.load("measured_results").query("benchmark == 'gpt3-175b' and division == 'closed'")
TIMED = TIMED[TIMED["chip_id"] == "h100-sxm"]
ANSWERS = tables.load("measured_results").loc[["inf31-agx-orinx1-retinanet-multi-maxper"]].assign(words="one")
POWERS = tables.load("chip_specs").loc[["hw3-fsd-computer-power-limit", "dojo-tile-power"]]
POWERS = POWERS.assign(words=["car", "tile"], amount=["1", "150"])

FORMS = {
    words: formats.named(row_id)
    for words, row_id in {"half": "fp16", "8 bits": "fp8-e4m3", "4 bits": "fp4-e2m1"}.items()
}
SPANS = {**FORMS, "movable": formats.named("cfloat8-1-5-2").with_bias(31)}
KINDS = study.summary(study.load())
EIGHT = study.same_bits(KINDS)
STORED = KINDS.loc[["digits-sgd-0.05-int8", "digits-sgd-0.005-bf16-coin"]].assign(through=0.1)
BITS = study.by_bits(KINDS)
ENOUGH = study.fewest_bits(BITS)
SIZES = (
    tables.load("gradient_sizes")
    .query("run_id == 'deep-sgd-0.05-s0'")
    .groupby(["epoch", "exponent"], as_index=False)["share"]
    .sum()
)
PARTS = mlperf.named(mlperf.parts(tables.load("measured_results")), tables.load("chips"))
QUICK = PARTS.dropna(subset=["one_ms", "eight_ms"])
PANELS = {"small": QUICK.loc["resnet50"], "large": QUICK.loc["retinanet"]}
KEPT = mlperf.kept(PARTS).sort_index().assign(server=float("nan"))
KEPT.loc[("retinanet", "l4"), "server"] = 0.88
METERED = mlperf.machines(mlperf.joules(tables.load("measured_results")))
METERED = mlperf.named(METERED, tables.load("chips")).loc[["resnet50", "bert-99", "retinanet"]]
METERED["unit"] = METERED["network"].map({"ResNet-50": 6.684, "BERT": 83.76, "RetinaNet": 298.1})
TESTED = roofline.calibrated(roofline.cases(PARTS, tables.load("network_layers"), ["resnet50", "retinanet"]))
OFF = TESTED.pivot(index=["network", "chip_id"], columns="scenario", values="factor")
OFF = OFF.assign(words=PARTS["words"], group=OFF.index.get_level_values("network"))
SPEED = measure.rates(tables.load("speed_results"))
SPECS = tables.load("chip_specs")
SHEETS = sheets.fitness(SPECS, tables.load("chips").index.drop(["dojo-tile", "dojo-tray", "dojo-exapod"])).join(
    tables.load("chips")["role"]
)
RUNS = scaling.runs(tables.load("measured_results"))
TAUGHT = RUNS[RUNS["family"].isin(["h100-sxm v3.0 NVIDIA bert", "h100-sxm v4.0 NVIDIA stable-diffusion"])]
TAUGHT = TAUGHT.assign(predicted=(TAUGHT["minutes"] * 1.1).where(TAUGHT["chips"] > 8))
BY_CHIPS = {scaling.named(name): rows for name, rows in TAUGHT.groupby("benchmark")}
JOBS = {"pictures": scaling.job("retinanet", 256), "language": board.language(1e9, 2**18)}
UNKNOWN = {chip: board.unknowns(SPECS, (0.24, 0.49), chip) for chip in ("hw3-fsd", "groq-lpu1")}
SWINGS = {
    words: {chip: board.swings(ranges, job, 128, 0.005) for chip, ranges in UNKNOWN.items()}
    for words, job in JOBS.items()
}
BOUND = board.binding(UNKNOWN["hw3-fsd"], JOBS, [8, 512], 0.005)
LINKED = sheets.links(SPECS, pd.Series({"h100-sxm": "H100", "tpu-v5e": "TPU v5e", "l40s": "L40S"}))
SPANNED = [f"{words}-{part}" for words in SPANS for part in ("normal", "below")]

#: each chart, the ids whose marks it must hold, and words it must show
CHARTS = {
    "needs": (lambda: charts.needs(NEEDS), NEEDS.index, [*NEEDS["need"], "8× (16 against 2 bytes)"]),
    "many chips": (lambda: charts.many_chips(TIMED), TIMED.index, ["50.7 (v4.0)", "3.4"]),
    "one frame": (lambda: charts.one_frame(ANSWERS, 27.8), ANSWERS.index, ["next frame: 27.8 ms", "one: 82.9 ms"]),
    "budgets": (lambda: charts.budgets(POWERS), POWERS.index, ["tile", "150"]),
    "borders": (
        lambda: charts.borders(STAGES, CLIPS),
        [f"clip-{clip}-{stage}" for clip in range(len(CLIPS)) for stage in range(2)],
        STAGES,
    ),
    "rulers": (lambda: charts.rulers(FORMS), FORMS, [*FORMS, "1,024 marks from 1 to 2"]),
    "walks": (
        lambda: charts.walks([1.0, 1.0, 1.0], [[1.0, 1.0, 1.5], [1.0, 1.5, 1.5]], [1.0, 1.25, 1.5]),
        ["nearest", "coin-0", "coin-1", "exact"],
        ["to nearest", "by coin, 2 times", "not rounded"],
    ),
    "same bits": (
        lambda: charts.same_bits(EIGHT, study.accuracies(study.load(), EIGHT.index), 10),
        EIGHT.index,
        [*EIGHT["line"], "96.2 and 95.2", "Small steps (learning rate 0.005)", "guessing"],
    ),
    "let through": (
        lambda: charts.let_through(STORED),
        [f"{kind}-{column}" for kind in STORED.index for column in ("through", "applied")],
        ["single changes made", "change made in sum", "by coin"],
    ),
    "by bits": (
        lambda: charts.by_bits(BITS, ENOUGH),
        [f"{steps}-{way}{more}" for steps in study.STEPS for way in study.WAYS for more in ("", "-enough")],
        [*study.WAYS, "Small steps: read rightly, per cent", "bits of a weight"],
    ),
    "reach": (
        lambda: charts.reach(SIZES, SPANS),
        [*SPANNED, *(f"epoch-{row.epoch}-{row.exponent}" for row in SIZES.itertuples())],
        [*SPANS, "epoch 1", "epoch 30", "billionth"],
    ),
    "deadline": (
        lambda: charts.deadline(PANELS, 27.8, {"a100-pcie-80": "", "a100-sxm-80": "two A100"}, ["a30"]),
        [
            f"{chip}-{name}-{i}"
            for i, rows in enumerate(PANELS.values())
            for chip in rows.index
            for name in ("one", "eight")
        ],
        ["two A100", "AGX Orin", "next frame: 27.8 ms", "one image", "sold for inference"],
    ),
    "left of bulk": (
        lambda: charts.left_of_bulk(KEPT),
        [
            *(
                "-".join([*index, name])
                for index, row in KEPT.iterrows()
                for name in ("share", "eight")
                if row[name] > 0
            ),
            "retinanet-l4-server",
        ],
        [*KEPT["words"], *KEPT["network"], "5%", "99%", "sold for inference"],
    ),
    "joules": (
        lambda: charts.joules(METERED),
        [name for column in ("bulk_id", "eight_id", "one_id") for name in METERED[column] if name],
        [*METERED["words"], "6.68, 20.1 mJ", "298, 433, 486 mJ", "8.00 mJ", "AGX Orin in bulk = 1×"],
    ),
    "off": (
        lambda: charts.off(OFF),
        [
            "-".join([*index, name])
            for index, row in OFF.iterrows()
            for name in ("one", "eight", "bulk")
            if row[name] > 0
        ],
        [*OFF["words"], "model too fast"],
    ),
    "by batch": (
        lambda: charts.by_batch(SPEED.assign(ms=SPEED["ms"] * 1.5, rate=SPEED["rate"] / 1.5), SPEED),
        ["recorded", "this machine, now"],
        ["one", "two", "8 at once", "1,024"],
    ),
    "deciding": (
        lambda: charts.deciding(SHEETS, (1200, 5120), sheets.unplaced(SPECS), 7915, [8, 32, 128, 512]),
        [*SHEETS.index, "ai6", "AI4", "AI5", *(f"board-{n}" for n in (8, 32, 128, 512))],
        ["AI6?", "AI5", "HW3", "H100", "8", "512", "right of a line, that many match eight H100", "sold for training"],
    ),
    "by chips": (
        lambda: charts.by_chips(BY_CHIPS),
        [*TAUGHT.index, *(f"{i}-predicted" for i in TAUGHT.index[TAUGHT["predicted"].notna()])],
        ["BERT-large", "Stable Diffusion 2", "measured, minutes", "512"],
    ),
    "swings": (
        lambda: charts.swings(SWINGS),
        [f"{name}-{job}-{bar}" for name in UNKNOWN["hw3-fsd"] for job in range(2) for bar in range(2)],
        [*(u.words for u in UNKNOWN["hw3-fsd"].values()), "0.81% or 25% to 100%", "1,024 to 5,120", *JOBS, *UNKNOWN],
    ),
    "binding": (
        lambda: charts.binding(BOUND),
        [f"{row.limit}-{row.chips}-{[*JOBS].index(row.job)}" for row in BOUND.itertuples()],
        ["pictures", "language", "512", "fixed time", "100%"],
    ),
    "links": (
        lambda: charts.links(LINKED),
        LINKED.index,
        ["To neighbours", "To other servers", "450", "25", "TPU v5e"],
    ),
    "claims": (lambda: charts.claims(CLAIMS), CLAIMS.index, [*CLAIMS["label"], "holds", "in part", "open"]),
    "stability": (
        lambda: charts.stability(SEEN, ACCOUNTS),
        [f"{account}-{judge}" for account in ACCOUNTS for judge in "ab"],
        [*ACCOUNTS.values(), "judge a", "judge b", "all on\nrecord", "strong", "1/3", "20"],
    ),
    "together": (
        lambda: charts.together(dict.fromkeys("ab", TOGETHER), ACCOUNTS),
        [f"{account}-{judge}" for account in ACCOUNTS for judge in "ab"],
        [*ACCOUNTS.values(), "judge a", "something", "0.25"],
    ),
    "matrix": (
        lambda: charts.matrix(
            verdict.matrix(JUDGED),
            verdict.fits(),
            CHAINS,
            {CHAINS.index[0]: 2},
            ACCOUNTS,
            ("several-at-once", "Several"),
        ),
        CHAINS.index,
        [*CHAINS["label"], *verdict.SPEAKERS.values(), "Departures", "fits", "in 2 of 6", "2.00", "speaks against"],
    ),
    "long timeline": (lambda: charts.long_timeline(EVENTS, NAMED, ENDS[1]), EVENTS.index, NAMED.values()),
    "strip": (
        lambda: charts.strip(SUMMER, SUMMER["label"].to_dict(), ENDS, ("2025-07-23", "2025-08-10")),
        SUMMER.index,
        [*SUMMER["label"], "63 days", "15 days"],
    ),
    "promises": (lambda: charts.promise_dots(PROMISES, AS_OF.end), PROMISES.index, PROMISES["promise"]),
    "said and happened": (
        lambda: charts.said_and_happened(FOLLOWED, AS_OF.end),
        FOLLOWED.index,
        [*FOLLOWED["said"], *FOLLOWED["happened"]],
    ),
    "compute": (
        lambda: charts.compute(*AMOUNTS),
        pd.concat(AMOUNTS).index,
        ["Dojo 2: 100,000", "Tesla: 35,000", "Cortex: 67,000"],
    ),
    "flow": (
        lambda: charts.flow(FLOW, {"twenty-to-densityai": (LEAVING, "no names")}, CLOSED),
        FLOW.index,
        [
            *people.lanes(FLOW),
            "Clive Chan, software",
            "at least 11 Autopilot software engineers",
            "Jim Keller, to Intel",
            "no names",
        ],
    ),
    "tenures": (lambda: charts.tenures(TENURES, CLOSED, AS_OF.end), TENURES.index, [*TENURES["holder"], *POSTS]),
    "before or after": (
        lambda: charts.before_or_after(LANES, CLOSED),
        [row for lane in LANES.values() for row in lane.index],
        [*LANES, *(words for lane in LANES.values() for words in lane["label"] if words)],
    ),
    "tree": (lambda: charts.tree(TREE), TREE.index, TREE["words"]),
}


@pytest.fixture(params=CHARTS, scope="module")
def chart(request):
    draw, ids, words = CHARTS[request.param]
    return draw(), list(ids), list(words)


def overlapping(figure) -> list[tuple[str, str]]:
    """Pairs of texts of a figure whose boxes overlap."""
    figure.draw_without_rendering()
    boxes = [(t.get_text(), t.get_window_extent()) for t in drawn(figure)]
    return [
        (a, b)
        for i, (a, one) in enumerate(boxes)
        for b, two in boxes[i + 1 :]
        if one.x0 < two.x1 - 1 and two.x0 < one.x1 - 1 and one.y0 < two.y1 - 1 and two.y0 < one.y1 - 1
    ]


def texts(figure) -> list[str]:
    return [t.get_text() for t in drawn(figure)]


def test_every_row_has_its_mark(chart):
    figure, ids, _ = chart
    marked = {artist.get_gid() for artist in figure.findobj() if artist.get_gid()}
    assert marked == set(ids)


def test_every_mark_keeps_its_name_in_the_picture(chart):
    figure, ids, _ = chart
    picture = unquote(show.address(show.svg(figure)).partition(",")[2])
    named = [element.get("id") for element in ET.fromstring(picture).iter() if element.get("id")]
    assert set(ids) <= set(named)
    assert len(named) == len(set(named))


def test_words_are_there_and_do_not_collide(chart):
    figure, _, words = chart
    shown = texts(figure)
    assert [w for w in words if w not in shown] == []
    assert overlapping(figure) == []


def test_no_word_is_cut_at_the_edge(chart):
    figure, _, _ = chart
    assert cut(figure) == []


def cut(figure) -> list[str]:
    """The words of a figure that its edge cuts."""
    figure.draw_without_rendering()
    width, height = figure.canvas.get_width_height()
    boxes = [(t.get_text(), t.get_window_extent()) for t in drawn(figure)]
    # browsers set the same letters up to a twentieth wider
    return [w for w, b in boxes if b.x0 < -1 or b.x0 + 1.05 * b.width > width + 1 or b.y0 < -1 or b.y1 > height + 1]


def drawn(figure) -> list[Text]:
    """The words of a figure that can be seen."""
    hidden = undrawn(figure)
    return [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip() and t not in hidden]


def undrawn(figure) -> list[Text]:
    """The labels of ticks outside their axis, which exist and are never drawn."""
    axes = [(axis, *sorted(axis.get_view_interval())) for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)]
    ticks = [tick for axis, low, high in axes for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high]
    return [label for tick in ticks for label in (tick.label1, tick.label2)]


def test_no_word_is_smaller_than_eleven_pixels(chart):
    figure, _, _ = chart
    assert min(t.get_fontsize() for t in figure.findobj(Text) if t.get_text()) * 96 / 72 >= 11


def test_every_chart_is_looked_at():
    drawn = {name for draw, _, _ in CHARTS.values() for name in draw.__code__.co_names}
    assert {name for name in charts.__all__ if name.islower()} <= drawn


def test_no_word_of_the_picture_is_smaller_than_eleven_pixels_where_it_is_shown_smallest(chart):
    """A wide chart is shown as drawn; any other shrinks to a column of 343 pixels, that of a phone."""
    picture = ET.fromstring(show.svg(chart[0]))
    across = float(picture.get("viewBox").split()[2])
    shown = across * 4 / 3 if across * 4 / 3 > show.WIDE else 343
    sizes = [float(e.get("font-size", "99px").removesuffix("px")) for e in picture.iter()]
    sizes += [float(size) for size in re.findall(r"font-size:([\d.]+)px", "".join(picture.itertext()))]
    assert min(sizes) * shown / across >= 10.99
    assert shown >= 700 or shown == 343


#: the charts whose marks a reader may point at
NAMED_MARKS = {
    "long timeline": (EVENTS, ["summary"]),
    "strip": (SUMMER, ["summary"]),
    "flow": (FLOW, ["label", "lane"]),
    "deciding": (SHEETS, ["raw", "share"]),
}


@pytest.mark.parametrize("name", NAMED_MARKS)
def test_every_named_mark_has_an_area_on_what_is_drawn_of_it(name):
    rows, says = NAMED_MARKS[name]
    picture = ET.fromstring(show.svg(CHARTS[name][0](), show.names(rows, *says)))
    areas = {e.get("data-mark"): e for e in picture.iter() if e.get("data-mark")}
    assert set(areas) == set(rows.index)
    for circle in picture.iterfind(".//{*}circle[@id]"):
        x, y, width, height = (float(areas[circle.get("id")].get(k)) for k in ("x", "y", "width", "height"))
        assert x - 0.02 <= float(circle.get("cx")) <= x + width + 0.02
        assert y - 0.02 <= float(circle.get("cy")) <= y + height + 0.02
        assert min(width, height) >= 2


def test_a_slanted_line_is_met_along_it_and_not_in_all_of_its_box():
    picture = ET.fromstring(show.svg(CHARTS["deciding"][0](), {"board-8": "Eight."}))
    (area,) = picture.iterfind(".//*[@data-mark]")
    assert area.tag.endswith("path")
    assert area.get("pointer-events") == "stroke"


def test_a_chart_is_as_wide_as_a_phone_or_scrolls(chart):
    assert round(chart[0].get_figwidth() * 96) in (marks.NARROW, marks.WIDE)


def test_chips_named_in_the_chart_are_drawn_in_it():
    assert set(charts.board.NAMED) <= set(SHEETS.index)


def test_leader_lines_do_not_cross_words():
    """Ten named events crowd around the closure; the line from words to mark must pass beside other words."""
    names = dict.fromkeys(EVENTS.query("start >= '2025-06-01' and start <= '2026-04-30' and label != ''").index, "")
    names = {event_id: EVENTS["label"][event_id] for event_id in names}
    figure = charts.long_timeline(EVENTS, names, ENDS[1])
    figure.draw_without_rendering()
    words = [t for t in figure.findobj(Text) if t.get_text() in names.values()]
    assert len(words) == len(names)
    lines = [line for ax in figure.axes for line in ax.lines if line.get_color() == marks.ORANGE]
    leaders = [line for line in lines if line.get_linestyle() == "-"]
    assert len(leaders) == len(names)
    for leader in leaders:
        box = leader.get_window_extent()
        for text in words:
            area = text.get_window_extent()
            middle = (area.y0 + area.y1) / 2
            assert not (area.x0 < box.x0 < area.x1 and box.y0 < middle < box.y1), text.get_text()


def test_the_overlap_test_can_fail():
    figure = marks.canvas(200, 100)
    figure.text(0.5, 0.5, "one")
    figure.text(0.51, 0.5, "two")
    assert overlapping(figure) == [("one", "two")]


@pytest.mark.parametrize("faster", [0.3, 0.7, 1, 1.5, 4, 30])
def test_the_names_of_batches_lie_on_no_dot_and_none_is_cut_however_fast_the_machine_is(faster):
    figure = charts.by_batch(SPEED.assign(ms=SPEED["ms"] / faster, rate=SPEED["rate"] * faster), SPEED)
    figure.draw_without_rendering()
    ax, *_ = figure.axes
    dots = np.concatenate([ax.transData.transform(curve.get_offsets()) for curve in ax.collections])
    for name in ("one", "two", "8 at once", "1,024"):
        (text,) = (text for text in ax.texts if text.get_text() == name)
        box = text.get_window_extent().padded(2)
        assert not [dot for dot in dots if box.contains(*dot)], name
    assert cut(figure) == []


@pytest.mark.parametrize("bits", [(2, 0, 0), (8, 10, 127), (2, 10, 127), (8, 0, 0), (5, 3, 15)])
def test_every_format_of_the_explorer_can_be_drawn(bits):
    form = formats.Format("yours", *bits)
    figure = charts.rulers({"yours": form})
    (words,) = [text for text in texts(figure) if text.endswith("from 1 to 2")]
    if form.bits <= 16:
        inside = [v for v in form.values() if 1 <= v < 2]
        assert words == (
            f"{len(inside)} mark{'' if len(inside) == 1 else 's'} from 1 to 2" if inside else "none from 1 to 2"
        )


def test_standing_is_drawn_by_fill_and_line():
    looks = {
        s: (marks.look(s)["facecolor"] == "white", marks.look(s)["linestyle"])
        for s in ("confirmed", "reported", "claimed")
    }
    assert looks == {"confirmed": (False, "-"), "reported": (True, "-"), "claimed": (True, "--")}


def test_a_date_known_to_the_month_is_a_bar_of_that_length():
    figure = CHARTS["long timeline"][0]()
    (bar,) = [a for a in figure.findobj() if a.get_gid() == "venkataramanan-leaves"]
    assert bar.get_width() == 30  # November


def test_results_of_promises_differ_in_shape_as_well_as_colour():
    settled = [look for result, look in charts.RESULTS.items() if result not in charts.UNSETTLED]
    assert len({marker for _, marker in settled}) == len(settled)


def test_rows_of_marks_never_cover_one_another():
    rng = np.random.default_rng(7)
    spans = [(float(a), float(a + w)) for a, w in zip(rng.uniform(0, 100, 60), rng.uniform(1, 20, 60), strict=True)]
    placed = list(zip(spans, marks.spread(spans, 2), strict=True))
    for (one, row), (two, other) in itertools.combinations(placed, 2):
        assert row != other or one[1] + 2 <= two[0] or two[1] + 2 <= one[0]


# --- colours ------------------------------------------------------------------------------------


def linear(colour: str) -> np.ndarray:
    c = np.array(matplotlib.colors.to_rgb(colour))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(one: str, two: str) -> float:
    """WCAG 2.2 contrast ratio."""
    bright, dark = sorted((float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, two)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def turned(colour: str) -> str:
    """The colour as a page shows it in the dark: invert(0.91) hue-rotate(180deg), as CSS defines them."""
    c = np.array(matplotlib.colors.to_rgb(colour)) * (1 - 2 * 0.91) + 0.91
    turn = np.array([[-0.574, 1.43, 0.144], [0.426, 0.43, 0.144], [0.426, 1.43, -0.856]])
    return matplotlib.colors.to_hex(np.clip(turn @ c, 0, 1))


#: Machado, Oliveira and Fernandes 2009, full severity
BLINDNESS = {
    "none": np.eye(3),
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


def oklab(rgb: np.ndarray) -> np.ndarray:
    m1 = [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
    m2 = [
        [0.2104542553, 0.793617785, -0.0040720468],
        [1.9779984951, -2.428592205, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.808675766],
    ]
    return np.array(m2) @ np.cbrt(np.array(m1) @ np.clip(rgb, 0, 1))


HUES = (marks.BLUE, marks.ORANGE, marks.PLUM)


@pytest.mark.parametrize("seen", [str, turned], ids=["light", "dark"])
def test_every_colour_stands_out_from_the_page(seen):
    for colour in (*HUES, marks.GREY):
        assert contrast(seen(colour), seen("#ffffff")) >= 3
    assert contrast(seen(marks.INK), seen("#ffffff")) >= 7
    assert contrast(seen(marks.GREY), seen("#ffffff")) >= 4.5


@pytest.mark.parametrize("kind", BLINDNESS)
@pytest.mark.parametrize("seen", [str, turned], ids=["light", "dark"])
def test_colours_stay_apart_in_colour_blind_vision(kind, seen):
    """A distance of 5 in OKLab x 100 is where colours become hard to tell apart."""
    labs = [oklab(np.array(BLINDNESS[kind]) @ linear(seen(colour))) for colour in HUES]
    assert min(100 * np.linalg.norm(a - b) for a, b in itertools.combinations(labs, 2)) > 5


def test_a_picture_stays_a_picture_whatever_its_words_and_fonts():
    figure = marks.canvas(200, 100)
    ax = figure.add_subplot()
    ax.loglog([1, 1000], [1, 1000])
    ax.set_title("$x^2$ & 3.14159 'million' \"km\"")
    figure.text(0.5, 0.5, "0.00012", family="serif", size=14)
    picture = ET.fromstring(unquote(show.address(show.svg(figure)).partition(",")[2]))
    assert "0.00012" in "".join(picture.itertext())


# --- the same bytes every time ----------------------------------------------------------------------

DRAW = """
import sys
sys.path[:0] = {paths!r}
import test_charts
from dojo import show
names = show.names(test_charts.SUMMER, "summary")
sys.stdout.write(show.svg(test_charts.CHARTS["strip"][0](), names))
"""


@pytest.mark.thorough  # pytest-notebook compares the charts of all notebooks
def test_a_chart_is_the_same_to_the_byte_in_another_process():
    here = show.svg(CHARTS["strip"][0](), show.names(SUMMER, "summary"))
    script = DRAW.format(paths=[str(__file__).rpartition("/")[0]])
    for seed in ("1", "2"):
        there = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        assert there == here
    assert "202" not in here.partition("<g")[0]  # no date of drawing


def test_the_first_of_a_view_is_ringed():
    figure = charts.stability(SEEN, ACCOUNTS)
    figure.draw_without_rendering()
    ink = matplotlib.colors.to_rgba(marks.INK)
    for judge in "ab":
        for account in ACCOUNTS:
            (dots,) = figure.findobj(lambda artist, name=f"{account}-{judge}": artist.get_gid() == name)
            ringed = [tuple(colour) == ink for colour in dots.get_edgecolors()]
            assert ringed == (SEEN.loc[judge].xs(account, level="account")["place"] == 1).tolist()


def test_a_disc_says_how_a_claim_stands():
    figure = charts.claims(CLAIMS)
    fills = {"holds": "full", "half": "left", "cannot-tell": "none"}
    for claim_id, verdict_ in CLAIMS["verdict"].items():
        (disc,) = figure.findobj(lambda artist, name=claim_id: artist.get_gid() == name)
        assert disc.get_fillstyle() == fills[verdict_]


def test_a_chain_that_says_more_has_a_larger_disc():
    rows = CHAINS.loc[["zdnet-korea-2025-08-07"]]
    said = verdict.matrix(JUDGED).loc[rows.index]
    drawn = charts.matrix(said, verdict.fits(), rows, {}, ACCOUNTS, ("several-at-once", "Several"))
    discs = drawn.axes[0].collections
    logs = [log for log in said.iloc[0] if log]
    assert [disc.get_sizes()[0] for disc in discs] == pytest.approx([8 + 190 * abs(log) for log in logs])
    filled = [tuple(disc.get_facecolor()[0]) != (1, 1, 1, 1) for disc in discs]
    assert filled == [log > 0 for log in logs]
