/* The reader's scales: the arithmetic of dojo.verdict on the ratios that the page holds, kept in its address. */
(() => {
  const box = document.querySelector(".weigh");
  const said = JSON.parse(box.dataset.said);
  const judges = { a: ["a"], b: ["b"], both: ["a", "b"] };
  const limits = { together: [0, 1, 0.05], prior: [...said.priors, 0.05], chain: [0, said.most, 0.25] };
  const start = { together: 0, prior: 0.5, chain: 1 };
  const shown = { together: (x) => x.toFixed(2), prior: (x) => Math.round(100 * x) + " in 100", chain: (x) => x + "×" };
  const empty = () => ({ judge: "both", together: {}, prior: {}, chain: {} });
  let state = empty(), waiting;
  const value = (kind, id) => state[kind][id] ?? start[kind];

  /* --- the arithmetic --- */
  function weigh(judge, keep) {
    const found = {}, together = value("together", "");
    for (const account of said.accounts) {
      const sums = {};
      for (const chain of said.chains.filter(keep)) {
        const given = judges[judge].map((name) => chain.ratios[account]?.[name]).filter(Boolean);
        if (!given.length) continue;
        const weight = value("chain", chain.id), share = weight / judges[judge].length;
        const sum = (sums[chain.witness] ??= { voices: 0, mode: 0, mean: 0, variance: 0 });
        sum.voices += weight;
        let spread = 0;
        for (const [l, m, h] of given.map((ratios) => ratios.map(Math.log))) {
          sum.mode += share * m;
          sum.mean += (share * (l + m + h)) / 3;
          spread += share * Math.sqrt((l * l + m * m + h * h - l * m - l * h - m * h) / 18);
        }
        sum.variance += spread ** 2;
      }
      const prior = value("prior", account), before = Math.log(prior / (1 - prior));
      let mode = before, mean = before, variance = 0;
      for (const sum of Object.values(sums)) {
        const less = 1 / Math.max(1, 1 + (sum.voices - 1) * together);
        mode += less * sum.mode; mean += less * sum.mean; variance += less ** 2 * sum.variance;
      }
      const half = said.middle * Math.sqrt(variance);
      found[account] = { odds: Math.exp(mode), low: Math.exp(mean - half), high: Math.exp(mean + half) };
    }
    return found;
  }
  const cuts = [() => true, (chain) => chain.speaker != "tesla", (chain) => chain.early];
  function views() {
    const over = Object.fromEntries(said.accounts.map((account) => [account, []])), leading = new Set();
    for (const judge of ["a", "b"])
      for (const keep of cuts) {
        const odds = weigh(judge, keep);
        const [one, next] = [...said.accounts].sort((a, b) => odds[b].odds - odds[a].odds);
        if (odds[one].odds > odds[next].odds * (1 + 1e-9)) leading.add(one); // even odds: nobody is first
        for (const account of said.accounts) over[account].push(odds[account].odds);
      }
    return [over, leading.size];
  }

  /* --- what is seen --- */
  const place = (odds) => said.width * Math.min(1, Math.max(0, Math.log(odds / said.scale[0]) / Math.log(said.scale[1] / said.scale[0])));
  const two = (x) => (+x.toPrecision(2)).toLocaleString("en", { maximumFractionDigits: 9 });
  const set = (node, attributes) => Object.entries(attributes).forEach(([name, x]) => node.setAttribute(name, x));
  function draw() {
    const odds = weigh(state.judge, () => true), [over, leading] = views();
    for (const row of box.querySelectorAll("[data-account]")) {
      const { odds: mode, low, high } = odds[row.dataset.account];
      set(row, { "data-odds": mode, "data-low": low, "data-high": high });
      row.querySelector(".odds").textContent = `${two(mode)} to 1`;
      row.querySelector(".range").textContent = `${two(low)} to ${two(high)}`;
      const [least, most] = [Math.min, Math.max].map((end) => end(...over[row.dataset.account]));
      set(row, { "data-least": least, "data-most": most });
      row.querySelector(".over").textContent = `${two(least)} to ${two(most)}`;
      const [left, right] = [low, high].map(place);
      set(row.querySelector("rect"), { x: left, width: Math.max(1, right - left) });
      set(row.querySelector("circle"), { cx: place(mode) });
    }
    const changed = ["together", "prior", "chain"].flatMap((kind) => Object.values(state[kind]).filter((x) => x != start[kind]));
    box.querySelector(".sum").textContent =
      `With these weights ${leading || "no"} account${leading == 1 ? " comes" : "s come"} first in the views. ` +
      `${changed.length || "No"} weight${changed.length == 1 ? " differs" : "s differ"} from the start. This is arithmetic with the weights set here, not a finding.`;
    for (const input of box.querySelectorAll("input[type=range]")) {
      const { kind, id } = input.dataset, words = shown[kind](value(kind, id));
      input.value = value(kind, id);
      set(input, { "aria-valuetext": words });
      input.nextSibling.textContent = words;
      input.closest("tr, label").classList.toggle("changed", value(kind, id) != start[kind]);
    }
    judge.value = state.judge;
    link.value = location.href.replace(/#.*/, "") + write();
    clearTimeout(waiting); // what is read out and what the address says follow when the hand rests
    waiting = setTimeout(() => {
      now.textContent = "Odds: " + said.accounts.map((id) => `${said.names[id]} ${two(odds[id].odds)}`).join(" · ");
      if (changed.length || state.judge != "both" || location.hash.startsWith("#weigh&")) history.replaceState(null, "", write());
    }, 150);
  }

  /* --- the address --- */
  function write() {
    const parts = new URLSearchParams();
    if (state.judge != "both") parts.append("judge", state.judge);
    for (const kind of ["together", "prior", "chain"])
      for (const [id, x] of Object.entries(state[kind]))
        if (x != start[kind]) parts.append(id ? `${kind}.${id}` : kind, x);
    parts.append("facts", said.facts);
    return "#weigh&" + parts;
  }
  function read() {
    if (!location.hash.startsWith("#weigh&")) return;
    state = empty();
    const odd = [];
    const known = { together: [""], prior: said.accounts, chain: said.chains.map((chain) => chain.id) };
    for (const [name, x] of new URLSearchParams(location.hash.slice(7))) {
      const [, kind, id] = name.match(/^([a-z]+)\.?(.*)$/) ?? [];
      const [low, high] = Object.hasOwn(limits, kind) ? limits[kind] : [];
      if (name == "facts") x != said.facts && odd.push(`facts as of ${x}`);
      else if (name == "judge" && Object.hasOwn(judges, x)) state.judge = x;
      else if (low != null && known[kind].includes(id) && x && +x >= low && +x <= high) state[kind][id] = +x;
      else odd.push(`${name}=${x} is left out`);
    }
    note.textContent = "These weights come with the link. ";
    if (odd.length) note.textContent += `In it: ${odd.join("; ")}. This page has facts as of ${said.facts}.`;
    box.scrollIntoView();
  }

  /* --- the controls, which only the script makes --- */
  function make(tag, attributes, text = "") {
    const node = document.createElement(tag);
    set(node, attributes);
    node.textContent = text;
    return node;
  }
  function slider(cell, kind, id, label) {
    const [min, max, step] = limits[kind];
    const input = make("input", { type: "range", min, max, step, "aria-label": label, "data-kind": kind, "data-id": id });
    input.addEventListener("input", () => { state[kind][id] = +input.value; draw(); });
    cell.replaceChildren(input, make("span", { "aria-hidden": true }));
  }
  const heading = (cell) => cell.closest("tr").querySelector("th").textContent;
  for (const cell of box.querySelectorAll("[data-prior]"))
    slider(cell, "prior", cell.dataset.prior, `How likely before: ${heading(cell)}`);
  for (const cell of box.querySelectorAll("[data-chain]"))
    slider(cell, "chain", cell.dataset.chain, `Weight of: ${heading(cell)}`);
  const now = make("p", { class: "now", role: "status" }), note = make("p", { class: "note", role: "status" });
  const bar = make("div", { class: "bar" }), judge = make("select", {});
  for (const [name, words] of [["both", "both judges"], ["a", "judge a"], ["b", "judge b"]])
    judge.append(make("option", { value: name }, words));
  judge.addEventListener("change", () => { state.judge = judge.value; draw(); });
  const asked = make("label", {}, "Ratios of "), alike = make("label", {}, "Chains of one witness repeat each other: ");
  const holder = make("span", {});
  slider(holder, "together", "", "How far the chains of one witness repeat each other");
  asked.append(judge); alike.append(holder); bar.append(asked, alike);
  const presets = [
    ["As at the start", () => false], ["Without Tesla and Musk", (chain) => chain.speaker == "tesla"],
    ["Without unnamed sources", (chain) => chain.voice == "unnamed"], [`Only before ${said.year}`, (chain) => !chain.early],
  ];
  const row = make("div", { class: "bar" });
  presets.forEach(([words, out], first) => {
    const button = make("button", { type: "button" }, words);
    button.addEventListener("click", () => {
      if (!first) state = empty(); // the others leave the rest as the reader set it
      for (const chain of said.chains.filter(out)) state.chain[chain.id] = 0;
      note.textContent = "";
      draw();
    });
    row.append(button);
  });
  const link = make("input", { class: "link", readonly: "", "aria-label": "Link to these weights" });
  const copy = make("button", { type: "button" }, "Copy the link");
  copy.addEventListener("click", () => {
    link.select();
    document.execCommand("copy");
    copy.focus();
    copy.textContent = "Copied";
    setTimeout(() => (copy.textContent = "Copy the link"), 2000);
  });
  const send = make("div", { class: "bar" });
  send.append(link, copy);
  box.querySelector(".controls").append(bar, row, send, note);
  box.querySelector(".controls").before(now);
  addEventListener("hashchange", () => { read(); draw(); });
  read();
  draw();
})();
