"""What a person does on the Errors page, in Chromium."""

from __future__ import annotations

import re
from typing import NamedTuple

from playwright.sync_api import Page, expect

CHART = "[data-testid=stEChartsChart]"
CELLS = "[data-testid=stEChartsChart] canvas"


def wait_for_matrix(page: Page) -> None:
    """Until the chart has been drawn, not only made room for.

    ``expect`` asks anew from here. ``wait_for_selector`` asks at every frame of the page, and
    on a busy machine headless Chromium sometimes draws none until somebody asks.
    """
    expect(page.locator(f"{CHART}[aria-busy=false] canvas").first).to_be_visible()
    page.wait_for_timeout(300)


class Grid(NamedTuple):
    """Where the cells are within the chart, in pixels."""

    left: float
    top: float
    width: float
    height: float
    classes: int

    def centre(self, true: int, pred: int) -> tuple[float, float]:
        x = self.left + (pred + 0.5) * self.width / self.classes
        return x, self.top + (true + 0.5) * self.height / self.classes


def find_grid(page: Page, classes: int) -> Grid:
    """The cells of a matrix of which none is chosen, found by the yellow of what is right.

    The chart leaves room for names of unknown width, so that the place of a cell is not known
    beforehand. The diagonal reaches from corner to corner.
    """
    found = page.evaluate(
        """selector => {
            let left = 1e9, top = 1e9, right = 0, bottom = 0, scale = 1;
            for (const canvas of document.querySelectorAll(selector)) {
                const {width, height} = canvas;
                scale = canvas.getBoundingClientRect().width / width;
                const data = canvas.getContext('2d').getImageData(0, 0, width, height).data;
                for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
                    const i = 4 * (y * width + x);
                    const r = data[i], g = data[i + 1], b = data[i + 2], a = data[i + 3];
                    if (a < 250 || r < 150 || g < 130 || b > 130) continue;
                    left = Math.min(left, x); right = Math.max(right, x + 1);
                    top = Math.min(top, y); bottom = Math.max(bottom, y + 1);
                }
            }
            return [left, top, right - left, bottom - top].map(pixels => pixels * scale);
        }""",
        CELLS,
    )
    left, top, width, height = found
    return Grid(left, top, width, height, classes)


def click_cell(page: Page, grid: Grid, true: int, pred: int) -> None:
    """Scrolls there first: a matrix of 100 classes is higher than the screen."""
    x, y = grid.centre(true, pred)
    here = page.evaluate(
        """([selector, y]) => {
            const chart = document.querySelector(selector);
            const main = document.querySelector('[data-testid=stMain]');
            const at = () => chart.getBoundingClientRect();
            if (at().top + y < 100 || at().top + y > innerHeight - 50)
                main.scrollBy(0, at().top + y - innerHeight / 2);
            return [at().left, at().top];
        }""",
        [CHART, y],
    )
    page.mouse.click(here[0] + x, here[1] + y)


def time_click(page: Page, grid: Grid, true: int, pred: int) -> float:
    """Milliseconds from pressing the button on a cell until other images than before have been
    decoded and painted."""
    page.evaluate(
        """() => {
            window.milliseconds = undefined;
            const images = () => [...document.querySelectorAll('.lz-gallery img')];
            const names = () => images().map(image => image.alt).join();
            const before = names();
            let pressed = null;
            document.addEventListener('mousedown', () => { pressed = performance.now(); },
                                      {capture: true, once: true});
            const observer = new MutationObserver(async () => {
                if (pressed === null || !images().length || names() === before) return;
                observer.disconnect();
                await Promise.all(images().map(image => image.decode().catch(() => {})));
                requestAnimationFrame(() => requestAnimationFrame(
                    () => { window.milliseconds = performance.now() - pressed; }));
            });
            observer.observe(document.body, {childList: true, subtree: true, attributes: true});
        }"""
    )
    click_cell(page, grid, true, pred)
    page.wait_for_function("window.milliseconds !== undefined", polling=50)
    return float(page.evaluate("window.milliseconds"))


def shown_files(page: Page) -> list[str]:
    """The file names of the images on the screen, in order."""
    titles = page.locator(".lz-gallery figure").evaluate_all("all => all.map(e => e.title)")
    return [re.split(r": ", title)[0] for title in titles]
