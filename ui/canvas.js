// A sheet to draw on. Strokes are kept as points, so that the last one can be taken back.
const sheets = new WeakMap()

export default function (component) {
  const { parentElement, data, setStateValue } = component
  const canvas = parentElement.querySelector("canvas")
  const tools = parentElement.querySelector(".tools")
  if (!sheets.has(parentElement)) {
    sheets.set(parentElement, { strokes: [], width: data.width, pen: data.pens[0].colour })
  }
  const sheet = sheets.get(parentElement)
  const ink = canvas.getContext("2d")

  const draw = () => {
    ink.fillStyle = data.paper
    ink.fillRect(0, 0, canvas.width, canvas.height)
    for (const stroke of sheet.strokes) {
      ink.strokeStyle = ink.fillStyle = stroke.pen
      ink.lineWidth = stroke.width
      ink.lineCap = ink.lineJoin = "round"
      ink.beginPath()
      const [first, ...others] = stroke.points
      ink.moveTo(first[0], first[1])
      // A touch without a movement leaves a dot.
      for (const point of others.length ? others : [first]) ink.lineTo(point[0], point[1])
      ink.stroke()
    }
  }
  const changed = () => {
    draw()
    undo.disabled = clear.disabled = sheet.strokes.length === 0
    setStateValue("png", sheet.strokes.length ? canvas.toDataURL("image/png") : "")
  }

  const place = (event) => {
    const box = canvas.getBoundingClientRect()
    const scale = canvas.width / box.width
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale]
  }
  let stroke = null
  canvas.setAttribute("aria-label", data.label)
  canvas.onpointerdown = (event) => {
    if (stroke || event.button > 0) return
    event.preventDefault()
    canvas.setPointerCapture(event.pointerId)
    stroke = { id: event.pointerId, pen: sheet.pen, width: sheet.width, points: [place(event)] }
    sheet.strokes.push(stroke)
    draw()
  }
  canvas.onpointermove = (event) => {
    if (!stroke || event.pointerId !== stroke.id) return
    const passed = event.getCoalescedEvents ? event.getCoalescedEvents() : []
    for (const each of passed.length ? passed : [event]) stroke.points.push(place(each))
    draw()
  }
  canvas.onpointerup = canvas.onpointercancel = (event) => {
    if (!stroke || event.pointerId !== stroke.id) return
    stroke = null
    changed()
  }

  tools.replaceChildren()
  const button = (text, act) => {
    const made = document.createElement("button")
    made.type = "button"
    made.textContent = text
    made.onclick = act
    tools.append(made)
    return made
  }
  const undo = button(data.undo, () => { sheet.strokes.pop(); changed() })
  const clear = button(data.clear, () => { sheet.strokes.length = 0; changed() })
  undo.disabled = clear.disabled = sheet.strokes.length === 0

  const brush = document.createElement("label")
  const range = document.createElement("input")
  Object.assign(range, { type: "range", min: 4, max: 60, value: sheet.width })
  range.oninput = () => { sheet.width = Number(range.value) }
  brush.append(data.brush, range)
  tools.append(brush)

  const colours = document.createElement("div")
  colours.className = "pens"
  for (const pen of data.pens.length > 1 ? data.pens : []) {
    const choice = document.createElement("button")
    choice.type = "button"
    choice.style.background = pen.colour
    choice.title = pen.name
    choice.setAttribute("aria-label", pen.name)
    choice.setAttribute("aria-pressed", String(sheet.pen === pen.colour))
    choice.onclick = () => {
      sheet.pen = pen.colour
      for (const other of colours.children)
        other.setAttribute("aria-pressed", String(other === choice))
    }
    colours.append(choice)
  }
  tools.append(colours)
  draw()
}
