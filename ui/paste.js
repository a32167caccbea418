// A picture that is pasted anywhere on the page is handed to the uploader, as if it had been chosen
// there: the same limits, the same list, the same button that removes it.
let pasted = 0

export default function (component) {
  const { parentElement, data } = component
  parentElement.querySelector("span").textContent = data.hint

  const onPaste = (event) => {
    const path = event.composedPath()
    // The uploader takes what is pasted into it by itself; a text field is for text.
    const taken = (place) =>
      place.dataset?.testid === "stFileUploaderDropzone" ||
      place.isContentEditable || ["INPUT", "TEXTAREA"].includes(place.tagName)
    if (event.defaultPrevented || path.some(taken)) return
    const images = [...(event.clipboardData?.files ?? [])].filter(f => f.type.startsWith("image/"))
    const input = document.querySelector(`.st-key-${data.uploader} input[type=file]`)
    if (!images.length || !input) return
    event.preventDefault()
    const files = new DataTransfer()
    for (const image of images) {
      pasted += 1
      const end = image.type.split("/")[1].replace("jpeg", "jpg")
      files.items.add(new File([image], `${data.name}-${pasted}.${end}`, { type: image.type }))
    }
    input.files = files.files
    input.dispatchEvent(new Event("change", { bubbles: true }))
  }
  if (parentElement.listening) document.removeEventListener("paste", parentElement.listening)
  parentElement.listening = onPaste
  document.addEventListener("paste", onPaste)
  return () => document.removeEventListener("paste", parentElement.listening)
}
