// Native inputs for the fields of a Controls widget: a name, a keyboard and a touch screen come with them.

// what this page load is called; each widget has a copy of this module, so it is kept in the window
const PAGE = (window.dojoPage ??= Math.random().toString(36).slice(2))
const PATIENCE = 3000 // milliseconds

const create = (tag, ...rest) => Object.assign(document.createElement(tag), ...rest)

// one control: the elements of its row, and how they show a value
function row(field, set) {
  const id = `control-${Math.random().toString(36).slice(2)}`
  const label = create("label", { htmlFor: id, textContent: field.label })
  const make = field.slides ? stops : field.options ? list : slider
  const { parts, show } = make(field, set, id)
  return { parts: [label, ...parts], show }
}

// a list of words
function list({ options }, set, id) {
  const select = create("select", { id })
  select.append(...options.map((option) => new Option(option)))
  select.onchange = () => set(options[select.selectedIndex])
  return { parts: [select, create("span")], show: (value) => (select.selectedIndex = options.indexOf(value)) }
}

// a slider over a few numbers that lie unevenly
function stops({ options }, set, id) {
  const range = create("input", { type: "range", id, min: 0, max: options.length - 1, step: 1 })
  const said = create("output", { htmlFor: id })
  range.oninput = () => set(options[range.valueAsNumber])
  const show = (value) => {
    range.value = options.indexOf(value)
    said.textContent = value
    range.setAttribute("aria-valuetext", value)
  }
  return { parts: [range, said], show }
}

// a slider, and beside it the number to type
function slider({ low, high, step, label }, set, id) {
  const limits = { min: low, max: high, step }
  const range = create("input", { type: "range", id }, limits)
  const number = create("input", { type: "number", ariaLabel: `${label}, to type` }, limits)
  const show = (value) => (range.value = number.value = value)
  const take = () => {
    const typed = number.value !== "" && number.checkValidity() ? number.valueAsNumber : range.valueAsNumber
    show(typed) // as the slider writes it
    set(typed)
  }
  range.oninput = () => set(range.valueAsNumber)
  number.onchange = take
  number.onkeydown = ({ key }) => {
    if (key === "Enter") take() // outside a form Enter changes nothing of itself
  }
  number.onwheel = () => number.blur() // who scrolls past means no change
  return { parts: [range, number], show }
}

// What is unfolded below stays so, although each move draws it anew; and what unfolds is found by its place.
function keepOpen(el) {
  const area = el.closest(".jp-OutputArea")
  const folds = () => [...(area?.querySelectorAll("details") ?? [])]
  let open = []
  const restore = () => folds().forEach((fold, place) => (fold.open = open[place] ?? fold.open))
  const watch = new MutationObserver(restore)
  if (area) watch.observe(area, { childList: true, subtree: true })
  return { note: () => (open = folds().map((fold) => fold.open)), end: () => watch.disconnect() }
}

function render({ model, el }) {
  const rows = create("div", { className: "dojo-controls" })
  const lost = create("p", { hidden: true, textContent: "Run this cell again: its controls have lost the result." })
  lost.setAttribute("role", "status")
  const heading = model.get("heading")
  const whole = heading ? create("details") : create("div")
  if (heading) whole.append(create("summary", { textContent: heading }))
  whole.append(rows, lost)
  el.append(whole)

  let folds, waiting
  const set = (name, value) => {
    if (model.get("values")[name] === value) return
    folds ??= keepOpen(el) // now it stands in its place
    folds.note()
    clearTimeout(waiting)
    waiting = setTimeout(() => (lost.hidden = false), PATIENCE) // a kernel that ended does not answer
    model.set("values", { ...model.get("values"), [name]: value })
    model.save_changes()
  }
  const made = model.get("fields").map((field) => [field.name, row(field, (value) => set(field.name, value))])
  rows.append(...made.flatMap(([, { parts }]) => parts))
  const follow = () => made.forEach(([name, { show }]) => show(model.get("values")[name])) // also in another view
  follow()
  model.on("change:values", follow)

  // a page that was loaded anew, or is open a second time, shows a stored result, which nobody can reach
  if (!model.get("page")) (model.set("page", PAGE), model.save_changes())
  const stale = model.get("page") !== PAGE
  lost.hidden = !stale
  const answered = () => (clearTimeout(waiting), (lost.hidden = !stale))
  model.on("change:answers", answered)

  // JupyterLab takes arrows and letters for its own; while a control has the focus they are the control's.
  // What is pressed with Control or Command stays JupyterLab's, as does Shift with Enter: saving, running.
  const mine = ({ target, ctrlKey, metaKey, shiftKey, key }) => {
    const theirs = ((ctrlKey || metaKey) && key !== "a") || (shiftKey && key === "Enter")
    if (rows.contains(target)) target.toggleAttribute("data-lm-suppress-shortcuts", !theirs)
  }
  window.addEventListener("keydown", mine, true)
  return () => {
    window.removeEventListener("keydown", mine, true)
    model.off("change:values", follow)
    model.off("change:answers", answered)
    clearTimeout(waiting)
    folds?.end()
  }
}

export default { render }
