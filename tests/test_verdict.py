"""The weighing: equal to the same sums done another way, stable where it says so, and refusing what it cannot read."""

import math
import random
import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dojo import tables, verdict
from dojo.verdict import Weights

JUDGED = verdict.judgements()
CHAINS = verdict.chains(JUDGED)
SEEN = verdict.views(JUDGED, CHAINS)
GIVEN = tables.load("likelihoods")
ACCOUNTS = [*verdict.names(JUDGED)]


# --- what is on record --------------------------------------------------------------------------


def test_the_spread_is_that_of_a_triangular_distribution():
    for row in JUDGED.itertuples():
        width = row.high - row.low
        there = stats.triang((row.mode - row.low) / width, loc=row.low, scale=width)
        assert (row.mean, row.spread) == (pytest.approx(there.mean()), pytest.approx(there.std()))


def test_a_chain_that_says_nothing_is_left_out_and_the_others_are_not():
    assert set(CHAINS.index) == set(GIVEN["cluster_id"])
    silent = set(tables.load("clusters").index) - set(CHAINS.index)
    assert silent
    assert (verdict.fits().loc[sorted(silent)] == "").all(axis=None)


def test_chains_stand_by_speaker_and_the_most_telling_first():
    assert [*dict.fromkeys(CHAINS["speaker"])] == [*verdict.SPEAKERS]
    assert CHAINS["speaker"].map([*verdict.SPEAKERS].index).is_monotonic_increasing
    assert all(rows["telling"].is_monotonic_decreasing for _, rows in CHAINS.groupby("speaker"))
    evidence = tables.load("evidence")
    for chain, sources in CHAINS["source_ids"].items():
        named = [source for ids in evidence[evidence["cluster_id"] == chain]["source_ids"] for source in ids]
        assert sources == tuple(dict.fromkeys(named)) != ()
    assert {*CHAINS.columns} == {*tables.load("clusters").columns, "telling", "source_ids"}
    said = verdict.matrix(JUDGED)
    assert CHAINS["telling"].to_dict() == {
        chain: max(row) - min(row) for chain, row in zip(said.index, said.values, strict=True)
    }
    mine = said.loc["dojo3-restart-2026-01"]
    assert CHAINS["telling"]["dojo3-restart-2026-01"] == mine["ai5-first"] - mine["one-architecture"]


def test_a_cell_is_the_geometric_mean_of_the_judges():
    rows = GIVEN[(GIVEN["cluster_id"] == "tesla-q2-2025-deck") & (GIVEN["hypothesis_id"] == "bought-beats-built")]
    said = verdict.matrix(JUDGED).loc["tesla-q2-2025-deck"]
    assert math.exp(said["bought-beats-built"]) == pytest.approx(math.sqrt(rows["lr_mode"].prod()))
    alone = GIVEN[(GIVEN["cluster_id"] == "tesla-q2-2025-deck") & (GIVEN["hypothesis_id"] == "departures")]
    assert len(alone) == 1
    assert math.exp(said["departures"]) == pytest.approx(math.sqrt(alone["lr_mode"].item()))  # the other says nothing


def test_a_cell_that_no_judge_filled_says_nothing_either_way():
    left = JUDGED[(JUDGED["chain"] != "tesla-q2-2025-deck") | (JUDGED["account"] != "departures")]
    assert len(left) < len(JUDGED)
    assert verdict.matrix(left)["departures"]["tesla-q2-2025-deck"] == 0


def test_ratings_of_items_are_put_together_by_chain():
    cluster = tables.load("evidence")["cluster_id"]
    ratings: dict[tuple[str, str], set[str]] = {}
    for row in tables.load("evidence_hypotheses").itertuples():
        ratings.setdefault((cluster[row.evidence_id], row.hypothesis_id), set()).add(row.rating)
    fits = verdict.fits()
    assert [*fits.columns] == [*tables.load("hypotheses").index]
    for (chain, account), given in ratings.items():
        words = {(1, 0): "fits", (0, 1): "does not fit", (1, 1): "both", (0, 0): ""}
        assert fits.loc[chain, account] == words[bool(given & {"C", "CC"}), "I" in given]
    assert {"both", "fits", "does not fit", ""} == set(fits.stack())
    assert any(given == {"CC"} for given in ratings.values())


def test_the_fifth_account_has_ratings_and_no_ratios():
    assert set(tables.load("hypotheses").index) - set(ACCOUNTS) == {"several-at-once"}
    fits = verdict.fits()["several-at-once"]
    assert (fits == "fits").any()
    assert not fits.isin(["does not fit", "both"]).any()


def test_the_signed_voice_is_the_party_and_nobody_else():
    clusters = tables.load("clusters")
    for mark in (clusters["voice"] == "signed", clusters["witness"] == "tesla"):
        assert (mark == (clusters["speaker"] == "tesla")).all()


def test_pairs_at_odds_are_those_on_two_sides_of_one():
    odd = verdict.at_odds(JUDGED)
    assert set(odd["kind"]) == {"judges", "ratings"}
    judges = odd[odd["kind"] == "judges"]
    assert (judges["a"] * judges["b"] < 0).all()
    assert odd.loc[("bloomberg-densityai-2025-08", "departures"), "kind"] == "ratings"
    assert ("tesla-chip-hiring-2026", "one-architecture") not in odd.index  # one judge alone gave a ratio


@pytest.mark.parametrize("sign", [1, -1])
def test_each_pair_is_at_odds_for_the_reason_that_is_said(sign):
    judged = JUDGED.assign(mode=sign * JUDGED["mode"])
    odd, fits, expected = verdict.at_odds(judged), verdict.fits(), {}
    for (chain, account), rows in judged.groupby(["chain", "account"]):
        sides = {row.judge: (row.mode > 0) - (row.mode < 0) for row in rows.itertuples()}
        rated = {"fits": 1, "does not fit": -1}.get(fits.loc[chain, account], 0)
        if {*sides.values()} == {1, -1}:
            expected[chain, account] = "judges"
        elif len(sides) == 2 and len({*sides.values()}) == 1 and sides["a"] * rated == -1:
            expected[chain, account] = "ratings"
    assert odd["kind"].to_dict() == expected
    for chain, account in odd.index:
        rows = judged[(judged["chain"] == chain) & (judged["account"] == account)].set_index("judge")["mode"]
        found = odd.loc[(chain, account), ["a", "b", "rating"]].tolist()
        assert found == [rows["a"], rows["b"], fits.loc[chain, account]]


def test_who_says_nothing_either_way_is_not_at_odds_with_who_speaks_against():
    odd = verdict.at_odds(JUDGED)
    chain, account = odd[odd["kind"] == "judges"].index[0]
    pair = (JUDGED["chain"] == chain) & (JUDGED["account"] == account)
    modes = JUDGED["mode"].mask(pair & (JUDGED["judge"] == "a"), -1.0).mask(pair & (JUDGED["judge"] == "b"), 0.0)
    even = verdict.at_odds(JUDGED.assign(mode=modes))
    assert "judges" not in set(even[even.index == (chain, account)]["kind"])


# --- weighing ------------------------------------------------------------------------------------


def by_hand(weights: Weights, account: str) -> tuple[float, float, float]:
    """The odds of one account and its band, chain by chain in plain arithmetic."""
    judges = verdict.JUDGES[weights.judge]
    witnesses = tables.load("clusters")["witness"][CHAINS.index]
    prior = weights.priors.get(account, 0.5)
    mode = mean = math.log(prior / (1 - prior))
    variance = 0.0
    for witness in witnesses.unique():
        sums, voices = np.zeros(3), 0.0
        for chain in CHAINS.index[witnesses == witness]:
            rows = GIVEN[(GIVEN["cluster_id"] == chain) & (GIVEN["hypothesis_id"] == account)]
            rows = rows[rows["judge"].isin(judges)]
            if rows.empty:
                continue
            weight, spread = weights.chains.get(chain, 1.0), 0.0
            voices += weight
            for row in rows.itertuples():
                low, top, high = map(math.log, (row.lr_low, row.lr_mode, row.lr_high))
                sums += np.array([top, (low + top + high) / 3, 0]) * weight / len(judges)
                var = (low**2 + top**2 + high**2 - low * top - low * high - top * high) / 18
                spread += math.sqrt(var) * weight / len(judges)
            sums[2] += spread**2
        less = 1 / max(1.0, 1 + (voices - 1) * weights.together)
        mode, mean, variance = mode + less * sums[0], mean + less * sums[1], variance + less**2 * sums[2]
    half = verdict.MIDDLE * math.sqrt(variance)
    return math.exp(mode), math.exp(mean - half), math.exp(mean + half)


def some_weights(count: int, seed: int = 1) -> list[Weights]:
    """Settings as readers might choose them, and some beyond."""
    chance = random.Random(seed)
    found = [Weights()]
    while len(found) < count:
        chains = chance.sample([*CHAINS.index], chance.randrange(len(CHAINS)))
        found.append(
            Weights(
                chance.choice([*verdict.JUDGES]),
                chance.choice([0.0, 1.0, chance.random()]),
                {account: chance.uniform(0.05, 0.95) for account in chance.sample(ACCOUNTS, chance.randrange(5))},
                {chain: chance.choice([0.0, 3.0, chance.uniform(0, 3)]) for chain in chains},
            )
        )
    return found


@pytest.mark.parametrize("weights", some_weights(20), ids=range(20))
def test_the_sums_are_those_done_by_hand(weights):
    odds = verdict.weigh(JUDGED, weights)
    for account in ACCOUNTS:
        assert tuple(odds.loc[account]) == pytest.approx(by_hand(weights, account), rel=1e-12)


def test_ratios_multiply():
    mine = GIVEN[(GIVEN["judge"] == "a") & (GIVEN["hypothesis_id"] == "departures")]
    assert verdict.weigh(JUDGED, Weights("a"))["odds"]["departures"] == pytest.approx(mine["lr_mode"].prod())


def test_a_prior_of_nine_in_ten_makes_the_odds_nine_times_larger():
    even, held = verdict.weigh(JUDGED), verdict.weigh(JUDGED, Weights(priors={"departures": 0.9}))
    assert (held / even).loc["departures"].tolist() == pytest.approx([9, 9, 9])
    assert (held / even).drop("departures").to_numpy() == pytest.approx(1)


def test_voices_that_wholly_repeat_each_other_count_as_their_mean():
    own = [*CHAINS.index[CHAINS["witness"] == "bloomberg"]]
    logs = JUDGED[(JUDGED["judge"] == "a") & (JUDGED["account"] == "departures") & JUDGED["chain"].isin(own)]["mode"]
    odds = verdict.weigh(JUDGED, Weights("a", together=1.0), own)["odds"]["departures"]
    assert math.log(odds) == pytest.approx(logs.mean())


def test_voices_of_different_witnesses_are_not_discounted():
    alone = [chain for chain in CHAINS.index if (CHAINS["witness"] == CHAINS["witness"][chain]).sum() == 1]
    assert len(alone) > 5
    whole = verdict.weigh(JUDGED, Weights(together=1.0), alone)
    pd.testing.assert_frame_equal(whole, verdict.weigh(JUDGED, Weights(), alone))


def test_a_weight_of_nought_is_a_chain_left_out():
    for chain in CHAINS.index:
        rest = CHAINS.index.drop(chain)
        without = verdict.weigh(JUDGED, Weights(chains={chain: 0.0}, together=0.3))
        pd.testing.assert_frame_equal(without, verdict.weigh(JUDGED, Weights(together=0.3), rest))


def test_without_any_chain_the_prior_stands():
    odds = verdict.weigh(JUDGED, Weights(priors={"ai5-first": 0.75}), [])
    assert odds.loc["ai5-first"].tolist() == pytest.approx([3, 3, 3])
    assert odds.loc["departures"].tolist() == pytest.approx([1, 1, 1])


def test_the_band_holds_nine_tenths_of_draws():
    random_ = np.random.default_rng(7)
    for judge in ("a", "b"):
        rows = JUDGED[JUDGED["judge"] == judge]
        drawn = random_.triangular(rows["low"], rows["mode"], rows["high"], (20_000, len(rows)))
        sums = np.exp(pd.DataFrame(drawn.T, index=rows["account"].to_numpy()).groupby(level=0).sum())
        odds = verdict.weigh(JUDGED, Weights(judge))
        for account in ACCOUNTS:
            inside = sums.loc[account].between(odds["low"][account], odds["high"][account]).mean()
            assert 0.89 < inside < 0.91


def test_two_judges_who_may_err_together_are_no_surer_than_one():
    spread = np.log(verdict.weigh(JUDGED)).eval("high - low")
    alone = pd.concat([np.log(verdict.weigh(JUDGED, Weights(j))).eval("high - low") for j in "ab"], axis=1)
    assert (spread >= 0.85 * alone.min(axis=1)).all()


# --- the order -------------------------------------------------------------------------------------


def test_each_cut_keeps_what_it_says():
    kept = verdict.kept(CHAINS)
    assert [*kept] == [*verdict.CUTS]
    assert kept[verdict.CUTS[0]] == [*CHAINS.index]
    assert "tesla" not in set(CHAINS.loc[kept[verdict.CUTS[1]], "speaker"])
    assert CHAINS.loc[kept[verdict.CUTS[2]], "first_date"].max() < "2026"
    assert set(CHAINS.index) - set(kept[verdict.CUTS[2]]) >= {"dojo3-restart-2026-01", "nvidia-clusters-2026"}


def test_a_chain_without_a_date_is_not_known_to_be_early():
    dated = CHAINS.assign(first_date=["2025-Q4", "", *["2026-01"] * (len(CHAINS) - 2)])
    kept = verdict.kept(dated)
    assert [*kept[verdict.CUTS[0]]] == [*CHAINS.index]
    assert [*kept[verdict.CUTS[2]]] == [CHAINS.index[0]]


def test_the_first_of_a_view_has_the_highest_odds():
    first = verdict.first(SEEN)
    assert len(first) == verdict.VIEWS == 6
    assert [*first.index] == [(judge, cut) for judge in ("a", "b") for cut in verdict.CUTS]
    for (judge, cut), account in first.items():
        view = SEEN.xs((judge, cut), level=("judge", "cut"))
        assert view["odds"].idxmax() == account
        assert view["place"][account] == 1
        assert view["place"].dtype == int
        assert view.sort_values("odds", ascending=False)["place"].tolist() == [*range(1, len(ACCOUNTS) + 1)]


def test_a_view_is_the_weighing_of_its_judge_and_cut():
    ids = verdict.kept(CHAINS)[verdict.CUTS[1]]
    alone = verdict.weigh(JUDGED, Weights("b"), ids)
    view = SEEN.xs(("b", verdict.CUTS[1]), level=("judge", "cut"))
    pd.testing.assert_frame_equal(view[["odds", "low", "high"]], alone)


def test_the_span_is_from_the_lowest_to_the_highest_view():
    span = verdict.span(SEEN)
    assert [*span.index] == ACCOUNTS
    for account in ACCOUNTS:
        odds = SEEN["odds"].xs(account, level="account")
        assert span.loc[account].tolist() == [odds.min(), odds.max()]


def test_where_odds_are_shared_nobody_comes_first():
    even = verdict.views(JUDGED, CHAINS, Weights(chains=dict.fromkeys(CHAINS.index, 0.0)))
    assert set(verdict.first(even)) == {""}
    one_view = SEEN.copy()
    place = ("a", verdict.CUTS[1])
    one_view.loc[[(*place, account) for account in ACCOUNTS], "odds"] = [0.5, 0.7, 0.7, 0.1]
    assert verdict.first(one_view).to_dict() == verdict.first(SEEN).to_dict() | {place: ""}


def test_a_chain_of_the_needed_strength_puts_an_account_level_with_the_first():
    needed = verdict.needed(SEEN)
    assert (needed[SEEN["place"] == 1] == 1).all()
    raised = SEEN["odds"] * needed
    assert (
        raised.groupby(["judge", "cut"]).max() / raised.groupby(["judge", "cut"]).min()
    ).to_numpy() == pytest.approx(1)


def test_a_flip_is_a_chain_whose_loss_changes_the_head():
    flips = verdict.flips(JUDGED, CHAINS)
    first = verdict.first(SEEN)
    for chain in CHAINS.index:
        rest = CHAINS.drop(chain)
        changed = verdict.first(verdict.views(JUDGED[JUDGED["chain"] != chain], rest))
        expected = changed.where(changed != first, "")
        assert (flips.loc[chain] if chain in flips.index else expected * 0).tolist() == expected.tolist()


def test_draws_repeat_by_their_seed_and_hardly_differ_by_it():
    once = verdict.keeps(JUDGED, CHAINS, draws=4000)
    assert once.equals(verdict.keeps(JUDGED, CHAINS, draws=4000))
    assert once.equals(verdict.keeps(JUDGED, CHAINS, draws=4000, seed=1))
    assert verdict.keeps(JUDGED, CHAINS).equals(verdict.keeps(JUDGED, CHAINS, draws=20_000))
    again = verdict.keeps(JUDGED, CHAINS, draws=4000, seed=2)
    assert not once.equals(again)
    assert (once - again).abs().max() < 0.04


def test_the_first_keeps_its_place_as_often_as_separate_draws_say():
    chance = random.Random(5)
    for judge, cut in (("a", verdict.CUTS[1]), ("b", verdict.CUTS[2])):
        rows = JUDGED[(JUDGED["judge"] == judge) & JUDGED["chain"].isin(verdict.kept(CHAINS)[cut])]
        ranges = [*zip(rows["account"], rows["low"], rows["high"], rows["mode"], strict=True)]
        held, leading = 0, verdict.first(SEEN)[judge, cut]
        for _ in range(1500):
            sums = dict.fromkeys(ACCOUNTS, 0.0)
            for account, low, high, mode in ranges:
                sums[account] += chance.triangular(low, high, mode)
            held += max(sums, key=sums.get) == leading
        assert verdict.keeps(JUDGED, CHAINS, draws=4000)[judge, cut] == pytest.approx(held / 1500, abs=0.05)


# --- links and refusals -----------------------------------------------------------------------------


@pytest.mark.parametrize("weights", some_weights(30, seed=3), ids=range(30))
def test_weights_come_back_from_their_link(weights):
    read = verdict.from_link("https://example.org/07-verdict.html" + verdict.link(weights))
    for account in ACCOUNTS:
        mine, back = verdict.weigh(JUDGED, weights).loc[account], verdict.weigh(JUDGED, read).loc[account]
        assert back.tolist() == pytest.approx(mine.tolist(), rel=1e-12)


def test_what_differs_from_the_start_is_counted():
    assert Weights("a").changed == Weights(priors={"departures": 0.5}, chains={"deepdive-dating": 1.0}).changed == 0
    changed = Weights(together=0.5, priors={"departures": 0.4}, chains={"deepdive-dating": 0.0, "musk-q2-2025-call": 2})
    assert changed.changed == 4


def test_a_link_says_only_what_was_changed():
    assert verdict.link(Weights()) == f"#weigh&facts={tables.as_of().end}"
    chains = {"musk-q2-2025-call": 2, "deepdive-dating": 1.0}
    weights = Weights("a", 0.25, {"departures": 0.7, "ai5-first": 0.5}, chains)
    expected = "#weigh&judge=a&together=0.25&prior.departures=0.7&chain.musk-q2-2025-call=2&facts="
    assert verdict.link(weights).startswith(expected)


REFUSED = {
    "judge": (lambda: Weights("c"), "judge 'c'; expected one of a, b, both"),
    "together": (lambda: Weights(together=1.5), "together 1.5; expected 0 to 1"),
    "certain": (lambda: Weights(priors={"departures": 0.99}), "prior of departures: 0.99; expected 0.05 to 0.95"),
    "hopeless": (lambda: Weights(priors={"departures": 0.01}), "prior of departures: 0.01; expected 0.05 to 0.95"),
    "heavy": (lambda: Weights(chains={"deepdive-dating": 4}), "weight of deepdive-dating: 4; expected 0 to 3"),
    "negative": (lambda: Weights(chains={"deepdive-dating": -1}), "weight of deepdive-dating: -1; expected 0 to 3"),
    "no number": (lambda: Weights(together=math.nan), "together nan; expected 0 to 1"),
    "misspelt": (
        lambda: Weights(chains={"deepdive-datin": 1}),
        "no row 'deepdive-datin' in clusters (did you mean 'deepdive-dating'?)",
    ),
    "misspelt account": (
        lambda: Weights(priors={"departure": 0.5}),
        "no row 'departure' in hypotheses (did you mean 'departures'?)",
    ),
    "no link": (
        lambda: verdict.from_link("07-verdict.html"),
        "'07-verdict.html'; expected an address that ends in #weigh&...",
    ),
    "no number in a link": (
        lambda: verdict.from_link("#weigh&together=much"),
        "together=much in the link; expected a number",
    ),
    "no such chain in a link": (lambda: verdict.from_link("#weigh&chain.v5.0=1"), "no row 'v5.0' in clusters"),
    "nothing in a link": (
        lambda: verdict.from_link("#weigh&prior.departures="),
        "prior.departures= in the link; expected a number",
    ),
    **{
        f"no such part: {part}": (
            lambda part=part: verdict.from_link(f"#weigh&{part}"),
            f"{part} in the link; expected judge, together, prior.… or chain.…",
        )
        for part in ("colour=red", "colour.red=1", ".together=1", "prior=0.5")
    },
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_named(case):
    attempt, words = REFUSED[case]
    with pytest.raises(ValueError, match=rf"^{re.escape(words)}$"):
        attempt()


def test_weights_may_be_as_small_and_as_large_as_is_said():
    for together, prior, weight in ((0, 0.05, 0), (1, 0.95, 3)):
        weights = Weights("a", together, {"departures": prior}, {"deepdive-dating": weight})
        assert (weights.together, weights.priors, weights.chains) == (
            together,
            {"departures": prior},
            {"deepdive-dating": weight},
        )


def test_a_link_is_read_part_by_part():
    address = (
        "https://example.org/#weigh&facts=2026-01-01&judge=b&together=0.25&prior.departures=0.7&chain.deepdive-dating=3"
    )
    assert verdict.from_link(address) == Weights("b", 0.25, {"departures": 0.7}, {"deepdive-dating": 3.0})
    assert verdict.from_link("#weigh&") == Weights()


# --- checking ------------------------------------------------------------------------------------


def test_every_item_is_rated_for_every_account(copy):
    records = copy.records("evidence_hypotheses")
    accounts = [account for account in tables.everything()["hypotheses"].rows if account in ("departures", "ai5-first")]
    gone = [r for r in records if r[:2] in [["saturdays-on-ai5", account] for account in accounts]]
    copy.write("evidence_hypotheses", [r for r in records if r not in gone])
    (said,) = verdict.check(tables.read(copy.root))
    assert (said.file, said.value) == ("data/story/evidence.csv", "saturdays-on-ai5")
    assert said.expected == f"a row in evidence_hypotheses.csv for {', '.join(accounts)}"


@pytest.mark.parametrize(("column", "value"), [("evidence_count", "99"), ("first_date", "2031"), ("first_date", "")])
def test_a_chain_counts_and_dates_its_evidence(copy, column, value):
    row = list(tables.everything()["clusters"].rows).index("musk-q2-2025-call")
    before = tables.value("clusters", "musk-q2-2025-call", column)
    copy.cell("clusters", row, column, value)
    (said,) = verdict.check(tables.read(copy.root))
    assert (said.column, said.value) == (column, value)
    assert said.expected == f"{before}, as its rows in evidence.csv say"


def test_the_first_date_of_a_chain_is_the_one_that_begins_first(copy):
    evidence, chains = tables.everything()["evidence"].rows, [*tables.everything()["clusters"].rows]
    items = [at for at, row in enumerate(evidence.values()) if row.cells["cluster_id"] == "fsd-chip-paper"]
    for item, day in zip(items, ("2025-08", "2025-Q3"), strict=True):
        copy.cell("evidence", item, "date", day)
    (said,) = verdict.check(tables.read(copy.root))
    assert (said.line, said.expected) == (
        chains.index("fsd-chip-paper") + 2,
        "2025-Q3, as its rows in evidence.csv say",
    )


def test_a_chain_without_a_dated_item_has_no_first_date(copy):
    copy.cell("clusters", [*tables.everything()["clusters"].rows].index("tesla-job-texts"), "first_date", "2024")
    (said,) = verdict.check(tables.read(copy.root))
    assert (said.value, said.expected) == ("2024", "an empty cell, as its rows in evidence.csv say")


def test_a_chain_that_is_rated_is_weighed(copy):
    records = copy.records("likelihoods")
    copy.write("likelihoods", [r for r in records if r[2] != "dojo3-restart-2026-01"])
    (said,) = verdict.check(tables.read(copy.root))
    assert (said.file, said.value) == ("data/story/clusters.csv", "dojo3-restart-2026-01")
    assert said.expected == "its ratios in likelihoods.csv, as an item of it is rated C, CC or I"
