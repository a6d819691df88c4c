// What somebody does who has a keyboard alone: goes on from one control to the next, and sees at each where they are.

/** In the page: what has the focus. name: its label, as it is read; ring: can one see it? */
function focused() {
  const e = document.activeElement;
  const style = getComputedStyle(e);
  const box = e.getBoundingClientRect();
  return {
    tag: e.tagName.toLowerCase(),
    name: (e.labels?.[0]?.innerText ?? e.getAttribute('aria-label') ?? e.innerText).trim(),
    ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
    inside: box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    html: e.outerHTML.slice(0, 200),
  };
}

/** @returns {Promise<{tag: string, name: string}>} */
export function focus(page) {
  return page.evaluate(focused);
}

/**
 * Presses the key, which goes from one to the next, until this one has the focus.
 * @param {{name: string, tag?: string, key: string, most: number}} wish
 */
export async function reach(page, { name, tag, key, most }) {
  const passed = [];
  for (let i = 0; i < most; i++) {
    await page.keyboard.press(key);
    const at = await focus(page);
    passed.push(at.name);
    if (at.tag === 'body') { // between the last one and the first
      continue;
    }
    if (!at.ring || !at.inside) {
      throw new Error(`nobody sees that the focus is at ${at.html}: ${JSON.stringify(at)}`);
    }
    if (at.name === name && (!tag || at.tag === tag)) {
      return;
    }
  }
  throw new Error(`${key} does not lead to ${name}, but to ${JSON.stringify(passed)}`);
}
