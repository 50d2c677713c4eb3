// Native inputs for the fields of a Controls widget: a name, a keyboard and a touch screen come with them.

const create = (tag, ...rest) => Object.assign(document.createElement(tag), ...rest)

// one control: its row of elements, and what `set` is called with when the reader moves it
function row(field, value, set) {
  const id = `control-${Math.random().toString(36).slice(2)}` // each widget has a copy of this module
  const label = create("label", { htmlFor: id, textContent: field.label })
  if (field.slides) return [label, ...stops(field, value, set, id)]
  if (field.options) return [label, list(field, value, set, id), create("span")]
  return [label, ...slider(field, value, set, id)]
}

// a list of words
function list(field, value, set, id) {
  const select = create("select", { id })
  select.append(...field.options.map((option) => new Option(option, option, false, option === value)))
  select.onchange = () => set(field.options[select.selectedIndex])
  return select
}

// a slider over a few numbers that lie unevenly
function stops(field, value, set, id) {
  const { options } = field
  const range = create("input", { type: "range", id, min: 0, max: options.length - 1, step: 1 })
  const said = create("output", { htmlFor: id })
  const show = () => {
    said.textContent = options[range.valueAsNumber]
    range.setAttribute("aria-valuetext", said.textContent)
  }
  range.value = options.indexOf(value)
  range.oninput = () => (show(), set(options[range.valueAsNumber]))
  show()
  return [range, said]
}

// a slider, and beside it the number to type
function slider({ low, high, step, label }, value, set, id) {
  const limits = { min: low, max: high, step }
  const range = create("input", { type: "range", id }, limits, { value })
  const number = create("input", { type: "number", ariaLabel: `${label}, to type` }, limits, { value })
  range.oninput = () => ((number.value = range.value), set(range.valueAsNumber))
  const take = () => {
    if (number.value === "" || !number.checkValidity()) number.value = range.value
    else if (number.value !== range.value) ((range.value = number.value), set(number.valueAsNumber))
  }
  number.onchange = take
  number.onkeydown = ({ key }) => {
    if (key === "Enter") take() // outside a form Enter changes nothing of itself
  }
  return [range, number]
}

function render({ model, el }) {
  const rows = create("div", { className: "dojo-controls" })
  for (const field of model.get("fields")) {
    const set = (value) => {
      model.set("values", { ...model.get("values"), [field.name]: value })
      model.save_changes()
    }
    rows.append(...row(field, model.get("values")[field.name], set))
  }
  const heading = model.get("heading")
  const whole = heading ? create("details") : rows
  if (heading) whole.append(create("summary", { textContent: heading }), rows)
  el.append(whole)
  // JupyterLab takes arrows and letters for its own; while a control has the focus they are the control's.
  // What is pressed with Control or Command stays JupyterLab's, as does Shift with Enter: saving, running.
  const mine = ({ target, ctrlKey, metaKey, shiftKey, key }) => {
    const theirs = ((ctrlKey || metaKey) && key !== "a") || (shiftKey && key === "Enter")
    if (rows.contains(target)) target.toggleAttribute("data-lm-suppress-shortcuts", !theirs)
  }
  window.addEventListener("keydown", mine, true)
  return () => window.removeEventListener("keydown", mine, true)
}

export default { render }
