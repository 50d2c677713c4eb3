"""The reader's scales: the page, a live front end and Python agree; without script the start stands."""

import json

import pytest
from bs4 import BeautifulSoup
from test_verdict import CHAINS, JUDGED, some_weights

from dojo import scales, tables, verdict
from publish import __main__, pages

FORM = scales.form(JUDGED, CHAINS, "Scales")
SOUP = BeautifulSoup(FORM.html, "html.parser")
PAGE = __main__.EXPORTS / "07-verdict.html"


def test_without_script_every_chain_stands_with_what_it_says():
    text = SOUP.get_text(" ")
    for chain in CHAINS.itertuples():
        assert chain.label in text
        assert chain.about in text
    assert SOUP.find_all(["input", "button", "select", "script"]) == []


def test_without_script_the_start_is_weighed():
    odds = verdict.weigh(JUDGED)
    for row in SOUP.select("[data-account]"):
        expected = odds.loc[row["data-account"]]
        assert [float(row[f"data-{c}"]) for c in ("odds", "low", "high")] == pytest.approx(expected.tolist())
    assert "not a finding" in SOUP.select_one(".sum").get_text()


def test_the_form_carries_the_ratios_as_given():
    said = json.loads(SOUP.select_one(".weigh")["data-said"])
    given = {
        (chain["id"], account, judge): tuple(ratios)
        for chain in said["chains"]
        for account, judges in chain["ratios"].items()
        for judge, ratios in judges.items()
    }
    rows = tables.load("likelihoods")
    assert given == {
        (r.cluster_id, r.hypothesis_id, r.judge): (r.lr_low, r.lr_mode, r.lr_high) for r in rows.itertuples()
    }


def test_the_form_carries_what_the_cuts_and_presets_ask_of_a_chain():
    early = verdict.kept(CHAINS)[verdict.CUTS[2]]
    for chain in json.loads(SOUP.select_one(".weigh")["data-said"])["chains"]:
        row = CHAINS.loc[chain["id"]]
        assert [chain[c] for c in ("speaker", "witness", "voice")] == [row[c] for c in ("speaker", "witness", "voice")]
        assert chain["early"] == (chain["id"] in early)


def test_a_chain_speaks_for_what_a_ratio_above_one_stands_beside():
    lines = {row.th.get_text(): row.find_all("td")[1] for row in SOUP.select("tbody tr") if row.select("[data-chain]")}
    said = [*lines["Musk restarts Dojo 3, January 2026"].stripped_strings]
    assert said == ["for Departures 1.15, AI5 first 1.69", "against One architecture 0.62, Buying beat building 0.77"]
    assert "neither way Departures 1.00" in [*lines["Chip hiring and design, 2025 to 2026"].stripped_strings]


def test_the_script_is_small_and_stands_only_where_it_is_needed():
    assert len(pages.script().encode()) <= 8000
    with_script = [p.stem for p in __main__.EXPORTS.glob("*.html") if "<script" in p.read_text("utf-8")]
    assert sorted(with_script) == ["07-verdict", "whole-story"]


@pytest.fixture
def front_end(monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "notebooks/07-verdict.ipynb")
    monkeypatch.delenv("DOJO_STATIC", raising=False)


@pytest.mark.usefixtures("front_end")
def test_a_live_front_end_has_a_slider_for_each_chain_folded_by_speaker():
    explorer = scales.scales(JUDGED, CHAINS, "Scales")
    assert [*explorer.controls] == ["", scales.BEFORE, *verdict.SPEAKERS.values()]
    _, _, *by_speaker = explorer.controls.values()
    assert [field["label"] for controls in by_speaker for field in controls.fields] == [*CHAINS["label"]]
    press = explorer.controls[verdict.SPEAKERS["press"]]
    report = "Bloomberg on the closure, 7 August 2025"
    press.values = {**press.values, report: 3}
    assert explorer.values[report] == 3.0


def test_sliders_stand_for_weights():
    sliders = {"Departures, in 100": 90, "Bloomberg on the closure, 7 August 2025": 2.0}
    weights = scales.moved(JUDGED, CHAINS, "a", 0.5, sliders)
    expected = verdict.Weights("a", 0.5, {"departures": 0.9}, {"bloomberg-disband-2025-08-07": 2.0})
    assert verdict.link(weights) == verdict.link(expected)
    assert weights.changed == 3


def test_live_results_are_those_of_python_and_name_the_link():
    weights = verdict.Weights("a", 0.5, {"departures": 0.9}, {"musk-q2-2025-call": 0.0})
    shown = scales.results(JUDGED, CHAINS, weights, "Scales")
    row = BeautifulSoup(shown.html, "html.parser").select_one("[data-account=departures]")
    assert float(row["data-odds"]) == pytest.approx(verdict.weigh(JUDGED, weights)["odds"]["departures"])
    assert "90 in 100" in row.get_text()
    assert verdict.from_link(shown.text.splitlines()[-1]) == weights
    span = verdict.span(verdict.views(JUDGED, CHAINS, weights))
    over = [cell.get_text() for cell in BeautifulSoup(shown.html, "html.parser").select(".over")]
    assert over == [f"{least:.2g} to {most:.2g}" for least, most in span.loc[[*verdict.names(JUDGED)]].to_numpy()]
    assert f"{weights.changed} weights differ from the start" in shown.text


# --- in a real browser ----------------------------------------------------------------------------

#: what the page shows for a link, by account: odds, low, high; least and most over the views
READ = """(links) => links.map((link) => {
  history.replaceState(null, "", link);
  dispatchEvent(new HashChangeEvent("hashchange"));
  return [...document.querySelectorAll("[data-account]")].map((row) => [row.dataset.account,
    ["odds", "low", "high"].map((n) => +row.dataset[n]), ["least", "most"].map((n) => +row.dataset[n])]);
})"""


@pytest.fixture
def page(browser):
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        opened = context.new_page()
        opened.goto(PAGE.as_uri())
        yield opened


@pytest.mark.parametrize("count", [40, pytest.param(1000, marks=pytest.mark.thorough)])
def test_page_and_python_agree_on_many_settings(page, count):
    settings, worst = some_weights(count, seed=11), 0.0
    read = page.evaluate(READ, [verdict.link(weights) for weights in settings])
    for number, (weights, rows) in enumerate(zip(settings, read, strict=True)):
        odds = verdict.weigh(JUDGED, weights)
        for account, seen, over in rows:
            for here, there in zip(odds.loc[account], seen, strict=True):
                worst = max(worst, abs(here - there) / max(abs(here), 1.0))
            if number % 20 == 0:  # the six views take Python a while
                span = verdict.span(verdict.views(JUDGED, CHAINS, weights)).loc[account]
                assert over == pytest.approx(span.tolist(), rel=1e-9)
    assert worst < 1e-9


def test_a_weight_moved_by_keyboard_changes_odds_and_link_and_comes_back_from_it(page):
    before = page.locator("[data-account=departures] .odds").inner_text()
    slider = page.get_by_label("Weight of: Bloomberg on the closure, 7 August 2025")
    slider.focus()
    page.keyboard.press("End")
    after = page.locator("[data-account=departures] .odds").inner_text()
    assert after != before
    link = page.get_by_label("Link to these weights").input_value()
    weights = verdict.Weights(chains={"bloomberg-disband-2025-08-07": verdict.MOST})
    assert verdict.from_link(link) == weights
    page.goto("about:blank")
    page.goto(link)
    assert page.locator("[data-account=departures] .odds").inner_text() == after
    assert slider.input_value() == "3"


def test_a_link_to_a_section_stays_one(page):
    page.goto(f"{PAGE.as_uri()}#settle")
    page.wait_for_timeout(400)
    assert page.url.endswith("#settle")
    page.get_by_label("Weight of: Exits in 2026").press("End")
    page.wait_for_timeout(400)
    assert "chain.late-exits-2026=3" in page.url


def test_without_any_weight_no_account_comes_first(page):
    page.evaluate(READ, ["#weigh&" + "&".join(f"chain.{chain}=0" for chain in CHAINS.index)])
    assert "no accounts come first" in page.locator(".sum").inner_text()


def test_the_presets_leave_out_what_they_say(page):
    page.get_by_role("button", name="Without Tesla and Musk").click()
    kept = verdict.weigh(JUDGED, kept=verdict.kept(CHAINS)[verdict.CUTS[1]])
    seen = {row.get_attribute("data-account"): row for row in page.locator("[data-account]").all()}
    assert {a: float(row.get_attribute("data-odds")) for a, row in seen.items()} == pytest.approx(dict(kept["odds"]))
    page.get_by_role("button", name="As at the start").click()
    assert float(seen["departures"].get_attribute("data-odds")) == pytest.approx(
        verdict.weigh(JUDGED)["odds"]["departures"]
    )


def test_a_link_from_another_year_says_what_it_could_not_use(page):
    page.evaluate(READ, ["#weigh&chain.no-such-chain=2&together=7&facts=2025-01-01"])
    said = page.locator(".note").inner_text()
    assert "facts as of 2025-01-01" in said
    assert "chain.no-such-chain=2 is left out" in said
    assert "together=7 is left out" in said
    assert float(page.locator("[data-account=departures]").get_attribute("data-odds")) == pytest.approx(
        verdict.weigh(JUDGED)["odds"]["departures"]
    )


@pytest.mark.parametrize("link", ["judge=constructor", "judge=__proto__", "constructor=1", "constructor.x=1"])
def test_a_link_with_names_of_the_language_is_left_out_and_the_scales_still_work(page, link):
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{PAGE.as_uri()}?#weigh&{link}&together=0.5")
    assert errors == []
    assert f"{link} is left out" in page.locator(".note").inner_text()
    assert page.locator("[aria-valuetext='0.50']").count() == 1


def test_without_script_the_page_shows_the_start(browser):
    with browser.new_context(java_script_enabled=False) as context:
        plain = context.new_page()
        plain.goto(PAGE.as_uri())
        assert plain.locator(".weigh input").count() == 0
        assert plain.locator("[data-account=departures] .odds").inner_text() == FORM_ODDS


FORM_ODDS = SOUP.select_one("[data-account=departures] .odds").get_text()
