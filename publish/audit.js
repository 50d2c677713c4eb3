/* What a page knows of itself: how its text stands out from its ground. Loaded into a page by publish/audit.py. */
window.audit = (() => {
  const parsed = (colour) => {
    const found = colour.match(/^rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.]+))?\)$/);
    return found && [+found[1], +found[2], +found[3], +(found[4] ?? 1)];
  };
  const over = (top, ground) => [0, 1, 2].map((i) => top[i] * top[3] + ground[i] * (1 - top[3]));
  const light = (colour) => {
    const [r, g, b] = colour.map((x) => (x / 255 <= 0.04045 ? x / 255 / 12.92 : ((x / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const lineage = (element) => (element ? [element, ...lineage(element.parentElement)] : []);

  /* The WCAG's bar for its level AAA, for words of charts, which wear the colours of what they name, AA: large text may be fainter. */
  function needed({ element, look: style }) {
    if (element instanceof SVGElement) return 4.5;
    const size = parseFloat(style.fontSize), bold = parseInt(style.fontWeight) >= 700;
    return size >= 24 || (bold && size >= 18.66) ? 4.5 : 7;
  }

  /* Whether an element and its ancestors are painted as their colours say. */
  const plain = (styles) => styles.every((style) => style.backgroundImage == "none" && style.filter == "none" &&
    style.backdropFilter == "none" && style.mixBlendMode == "normal" && style.opacity == "1" && style.textShadow == "none");

  /* Brings a box of an element to the middle of the window and of every box that scrolls it. */
  function show(all, boxes) {
    for (const around of all) {
      if (around.scrollWidth <= around.clientWidth && around.scrollHeight <= around.clientHeight) continue;
      const [box, frame] = [boxes()[0], around.getBoundingClientRect()];
      around.scrollLeft += box.left - frame.left - around.clientWidth / 2;
      if (around != document.documentElement && around != document.body) around.scrollTop += box.top - frame.top - around.clientHeight / 2;
    }
    scrollBy({ top: boxes()[0].top - innerHeight / 2, behavior: "instant" });
  }

  /* Whether nothing but its own ancestors lies between a text and its ground, and nothing foreign on top. */
  function clear(element, ground, box) {
    const stack = document.elementsFromPoint(box.left + Math.min(box.width, 8) / 2, box.top + box.height / 2);
    const end = ground == document.body ? stack.length : stack.indexOf(ground) + 1; // body's ground fills the window
    return end > 0 && stack.slice(0, end).every((one) => one.contains(element) || element.contains(one));
  }
  function isClear(all, ground, boxes) {
    if (clear(all[0], ground, boxes()[0])) return true; // most often the text above has brought it into the window
    show(all, boxes);
    return clear(all[0], ground, boxes()[0]);
  }

  /* The colour that lies below an element's text, and the element that paints it; null where colours cannot tell. */
  function groundOf(all, styles) {
    const grounds = styles.map((style) => parsed(style.backgroundColor));
    const last = grounds.findIndex((ground) => ground?.[3] == 1);
    if (!plain(styles) || last < 0 || grounds.slice(0, last).includes(null)) return null;
    const colour = grounds.slice(0, last).reduceRight((below, top) => over(top, below), grounds[last].slice(0, 3));
    return { colour, painter: all[last] };
  }

  /* The contrast of a text by its computed colours, or null where only the pixels can tell. */
  function contrast(element, colour, boxes) {
    const all = lineage(element), ink = parsed(colour);
    const ground = groundOf(all, all.map((one) => getComputedStyle(one)));
    if (element instanceof SVGElement || !ink || !ground || !isClear(all, ground.painter, boxes)) return null;
    return ratio(over(ink, ground.colour), ground.colour);
  }

  const textNodes = (element) => [...element.childNodes].filter((node) => node.nodeType == Node.TEXT_NODE && node.data.trim());
  const boxesOf = (nodes) => () => nodes.flatMap((node) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    return [...range.getClientRects()].filter((box) => box.width && box.height);
  });
  /* What is put beyond the edge of the page on purpose, for screen readers or until it is focused, has no looks. */
  const onPage = (box) => box && box.right + scrollX > 0 && box.bottom + scrollY > 0;

  /* Every piece of text below an element that a reader can see: its own, that of a field, and what a style sheet adds. */
  function pieces(root) {
    const found = [];
    for (const element of [root, ...root.querySelectorAll("*")]) {
      const style = getComputedStyle(element), ink = element instanceof SVGElement ? style.fill : style.color;
      if (style.visibility != "visible") continue;
      const own = () => [...element.getClientRects()], nodes = textNodes(element);
      const add = (kind, boxes, look, colour) => onPage(boxes()[0]) && found.push({ element, kind, boxes, look, colour });
      if (nodes.length) add("", boxesOf(nodes), style, ink);
      if (element.matches("input:not([type=range], [type=checkbox], [type=radio], [type=hidden]), select, textarea")) add("", own, style, ink);
      for (const kind of ["::before", "::after"]) {
        const look = getComputedStyle(element, kind);
        if (/\w/.test(look.content.replace(/^(none|normal)$/, ""))) add(kind, own, look, look.color);
      }
    }
    return found;
  }

  const words = (element) => (element.textContent || element.value || "").trim().replace(/\s+/g, " ").slice(0, 40);
  function where(element, kind = "") {
    const near = element.closest("[id]"), own = element.tagName.toLowerCase() + [...element.classList].map((name) => "." + name).join("");
    return `${near && near != element ? `#${near.id} ` : ""}${element.id ? `#${element.id}` : own}${kind} “${words(element)}”`;
  }

  /* How large a text is painted, in pixels: a drawing may be enlarged. */
  function painted({ element, look }) {
    const scale = element instanceof SVGElement ? element.getScreenCTM().a : 1;
    return parseFloat(look.fontSize) * scale;
  }

  const isOfChart = ({ element }) => element.closest("svg.chart") !== null; // whose words are measured all at once

  /* Measures all text below an element. What the colours cannot tell is kept in `unclear` for the camera. */
  function measure(root) {
    const found = pieces(root).map((piece) => ({ ...piece, bar: needed(piece), is: isOfChart(piece) ? Infinity : contrast(piece.element, piece.colour, piece.boxes) }));
    scrollTo({ top: 0, behavior: "instant" });
    audit.unclear = found.filter((piece) => piece.is === null).map((piece) => piece.element);
    return {
      unclear: found.filter((piece) => piece.is === null).map((piece) => [where(piece.element, piece.kind), piece.bar]),
      faint: found.filter((piece) => piece.is < piece.bar && piece.is !== null)
        .map((piece) => `${piece.is.toFixed(2)} of ${piece.bar}: ${where(piece.element, piece.kind)}`),
      smallest: Math.min(...found.map(painted)),
      small: found.filter((piece) => painted(piece) < 10.95)
        .map((piece) => `${painted(piece).toFixed(1)} px: ${where(piece.element, piece.kind)}`),
      count: found.length,
    };
  }

  /* Follows every link within the page; where the target then looks different, its text is measured anew. */
  function targets() {
    const faint = [], unclear = [];
    const looks = (element) => { const style = getComputedStyle(element); return style.backgroundColor + style.color; };
    const names = new Set([...document.querySelectorAll('a[href^="#"]')].map((link) => decodeURIComponent(link.getAttribute("href").slice(1))));
    for (const name of names) {
      const target = document.getElementById(name), before = target && looks(target);
      if (!target) { faint.push(`#${name} leads nowhere`); continue; }
      location.replace("#" + name);
      if (looks(target) == before) continue;
      const seen = measure(target);
      faint.push(...seen.faint.map((text) => `targeted, ${text}`));
      unclear.push(...seen.unclear.map(([text]) => `targeted: ${text}`));
    }
    location.replace("#");
    return { faint, unclear };
  }

  /* What axe finds by these rules: violations, and what it could not decide. */
  async function rules(names) {
    const options = { runOnly: names, resultTypes: ["violations", "incomplete"], elementRef: true, selectors: false };
    const found = await axe.run(options);
    const flat = (results) => results.flatMap(({ id, impact, nodes }) => nodes.map((node) => [id, impact, where(node.element)]));
    return { violations: flat(found.violations), undecided: flat(found.incomplete) };
  }

  /* --- by keyboard --- */
  const visited = new Set();
  const scrolls = (element) => {
    const { overflowX, overflowY } = getComputedStyle(element), can = (way) => way == "auto" || way == "scroll";
    return (can(overflowX) && element.scrollWidth > element.clientWidth + 1) || (can(overflowY) && element.scrollHeight > element.clientHeight + 1);
  };

  /* What of an element is pointed at: of a mark of a chart its area, not its tip. */
  const partOf = (element) => (element instanceof SVGElement && element.querySelector("rect, path")) || element;

  /* Points along a line that is drawn, in the window. */
  function along(line) {
    const matrix = line.getScreenCTM(), length = line.getTotalLength();
    return [1, 2, 3, 4, 5, 6, 7, 8, 9].map((tenth) => line.getPointAtLength((length * tenth) / 10).matrixTransform(matrix));
  }

  /* Points in those parts of an element's boxes that are in the window. */
  const within = (element) => [...element.getClientRects()].flatMap((box) => {
    const [left, right] = [Math.max(box.left, 0), Math.min(box.right, innerWidth)];
    const [top, bottom] = [Math.max(box.top, 0), Math.min(box.bottom, innerHeight)];
    if (right - left < 1 || bottom - top < 1) return [];
    return [0.1, 0.5, 0.9].map((part) => ({ x: left + part * (right - left), y: (top + bottom) / 2 }));
  });

  /* Whether some part of an element is in the window, with nothing on top: it may be cut, as WCAG has it, not hidden. */
  function inSight(element) {
    const part = partOf(element), points = part.matches("path") ? along(part) : within(part);
    return points.some(({ x, y }) => element.contains(document.elementFromPoint(x, y)));
  }

  /* A mark of a chart has its ring around a part of it; charts are drawn for white, and turned round as a whole. */
  function isStroked(shape) {
    const { stroke, strokeWidth } = getComputedStyle(shape), ring = parsed(stroke);
    return shape.matches("rect, path") && ring !== null && parseFloat(strokeWidth) >= 1 && ratio(over(ring, [255, 255, 255]), [255, 255, 255]) >= 3;
  }

  /* Whether the focus is drawn: an outline that stands out three to one, or the one that the browser draws itself. */
  function hasRing(element) {
    if (element instanceof SVGElement) return [...element.children].some(isStroked);
    const style = getComputedStyle(element), all = lineage(element.parentElement);
    if (style.outlineStyle == "auto") return true;
    if (style.outlineStyle == "none" || parseFloat(style.outlineWidth) < 1) return false;
    const ground = groundOf(all, all.map((one) => getComputedStyle(one))), ring = parsed(style.outlineColor);
    return ground !== null && ring !== null && ratio(over(ring, ground.colour), ground.colour) >= 3;
  }

  /* What the present stop of the keyboard is like; null at the end, where the focus leaves the page or starts anew. */
  function stop() {
    const element = document.activeElement;
    if (!element || element == document.body || element == document.documentElement || visited.has(element)) return null;
    visited.add(element);
    const way = element.getAttribute("href") ?? "", target = way.startsWith("#") && document.getElementById(way.slice(1));
    const skips = Boolean(target) && (target.matches("main, h1") || Boolean(target.closest("main")));
    return { where: where(element), sight: inSight(element), ring: hasRing(element), skips };
  }

  /* Boxes that scroll, in which the keyboard never stopped. */
  const unreached = () => [...document.querySelectorAll("body *")]
    .filter((box) => box.checkVisibility() && scrolls(box) && ![...visited].some((element) => box.contains(element)))
    .map((box) => where(box));

  /* --- charts --- */
  const charts = () => [...document.querySelectorAll("img[src^='data:image/svg+xml,'], svg.chart")].filter((chart) => chart.checkVisibility());

  /* The words of a drawing, and where they stand from the corner of a frame. */
  const wordsIn = (drawing, frame) => [...drawing.querySelectorAll("text:not(.marks text)")].map((text) => {
    const { left, top, width, height } = text.getBoundingClientRect();
    return { words: text.textContent, left: left - frame.left, top: top - frame.top, width, height };
  });

  /* Where a chart writes what, from its corner: an image's drawing is laid over the page for as long as that takes. */
  function written(chart) {
    const frame = chart.getBoundingClientRect();
    if (chart instanceof SVGElement) return wordsIn(chart, frame);
    const host = document.createElement("div");
    host.style.cssText = `position: fixed; left: 0; top: 0; width: ${frame.width}px; height: ${frame.height}px`;
    host.innerHTML = decodeURIComponent(chart.src.replace(/^[^,]*,/, ""));
    host.firstElementChild.style.cssText = "width: 100%; height: 100%";
    document.body.append(host);
    const found = wordsIn(host, { left: 0, top: 0 });
    host.remove();
    return found;
  }

  /* A chart with all its text in one colour; none for its own colours. */
  function paint(chart, colour) {
    const rule = colour && `text,tspan{fill:${colour} !important;opacity:1 !important}`;
    if (chart instanceof SVGElement) {
      for (const old of document.querySelectorAll("svg.chart style")) old.remove(); // a style in a page holds for all of it
      chart.insertAdjacentHTML("beforeend", `<style>${rule}</style>`);
      return undefined;
    }
    chart.dataset.own ??= chart.src;
    chart.src = colour ? chart.dataset.own.replace(/%3C\/svg%3E\s*$/, `%3Cstyle%3E${rule}%3C/style%3E%3C/svg%3E`) : chart.dataset.own;
    return chart.decode();
  }

  return { measure, targets, rules, where, stop, unreached, charts, written, paint };
})();
