// Says which picture of the gallery in the same container was pressed: see picking.py.
export default function ({ parentElement, setTriggerValue }) {
  const gallery = parentElement.closest('[data-testid="stVerticalBlock"]')
  const press = event => {
    const button = event.target.closest('.lz-gallery button[data-lz]')
    if (button) setTriggerValue('pressed', Number(button.dataset.lz))
  }
  gallery.addEventListener('click', press)
  gallery.dataset.lzListens = ''
  return () => gallery.removeEventListener('click', press)
}
