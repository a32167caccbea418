// Small pictures with a box to tick each, and letters that do something with those ticked.
// What is known of an instance from one drawing to the next, by its element.
const instances = new WeakMap()

export default function (component) {
  const { data, parentElement, setStateValue, setTriggerValue } = component
  const list = parentElement.querySelector("ul")
  const all = parentElement.querySelector(".all input")
  const self = instances.get(parentElement) ?? { drawn: "", generation: null, anchor: 0 }
  instances.set(parentElement, self)

  const boxes = () => [...list.querySelectorAll("input")]
  const ticked = () => boxes().filter((box) => box.checked).map((box) => box.value)
  const tell = () => {
    all.checked = boxes().length > 0 && boxes().every((box) => box.checked)
    setStateValue("ticked", { generation: data.generation, ids: ticked() })
  }

  parentElement.querySelector(".all span").textContent = data.all
  const drawn = JSON.stringify(data.items)
  if (drawn !== self.drawn || data.generation !== self.generation) {
    const kept = data.generation === self.generation ? new Set(ticked()) : new Set()
    const focused = boxes().indexOf(parentElement.getRootNode().activeElement)
    list.replaceChildren(...data.items.map((item) => card(item, data.size, kept.has(item.id))))
    all.checked = false
    self.drawn = drawn
    self.generation = data.generation
    self.anchor = 0
    // Whoever works through the list by keyboard goes on where they were.
    if (focused >= 0) boxes()[Math.min(focused, boxes().length - 1)]?.focus()
  }

  all.onchange = () => {
    boxes().forEach((box) => (box.checked = all.checked))
    tell()
  }
  list.onclick = (event) => {
    if (event.target.tagName !== "INPUT") return
    const every = boxes()
    const here = every.indexOf(event.target)
    if (event.shiftKey) {
      const [first, last] = [Math.min(here, self.anchor), Math.max(here, self.anchor)]
      every.slice(first, last + 1).forEach((box) => (box.checked = event.target.checked))
    }
    self.anchor = here
    tell()
  }
  list.onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const every = boxes()
    const here = every.indexOf(event.target)
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(every), ArrowDown: columns(every) }
    if (event.key in step) {
      every[here + step[event.key]]?.focus()
      event.preventDefault()
      return
    }
    const verb = data.keys[event.key.toLowerCase()]
    if (verb === undefined) return
    const chosen = data.alone.includes(verb) ? [] : ticked()
    setTriggerValue("act", { verb, ids: chosen.length ? chosen : [every[here].value] })
    event.preventDefault()
  }
}

function columns(boxes) {
  const top = boxes[0].closest("li").offsetTop
  const below = boxes.findIndex((box) => box.closest("li").offsetTop > top)
  return below < 0 ? boxes.length : below
}

function card(item, size, checked) {
  const box = Object.assign(document.createElement("input"), {
    type: "checkbox",
    value: item.id,
    checked,
  })
  box.setAttribute("aria-label", item.alt)
  const image = Object.assign(document.createElement("img"), {
    src: item.src,
    width: item.width,
    height: item.height,
    alt: "",
    className: item.whole ? "pixels" : "",
  })
  const label = Object.assign(document.createElement("label"), { title: item.alt })
  label.append(box, image, ...item.lines.map(line))
  const place = document.createElement("li")
  place.style.width = `${size}px`
  place.append(label)
  return place
}

function line(text) {
  return Object.assign(document.createElement("span"), { textContent: text })
}
