// @ts-check
/**
 * What is kept up to date without disturbing whoever is there: it is drawn anew only when what it shows has changed,
 * and the focus stays on the same link.
 */
import { h, replace } from '../app/dom.js';

/** @typedef {import('../app/dom.js').Child} Child */

/**
 * As replace; whoever was on a link in there is on the same one afterwards.
 * @param {Element} element
 * @param {...(Child | Child[])} children
 */
export function redraw(element, ...children) {
  const focused = element.contains(document.activeElement) && document.activeElement?.getAttribute('href');
  replace(element, ...children);
  if (focused) {
    /** @type {HTMLElement | null} */ (element.querySelector(`[href="${CSS.escape(focused)}"]`))?.focus();
  }
}

export class Part {
  /** @param {(data: any) => Child | Child[]} draw what is shown of it; nothing: the part is not there */
  constructor(draw) {
    this.draw = draw;
    this.drawn = '';
    this.node = h('div');
  }

  /** @param {any} data */
  show(data) {
    const drawn = JSON.stringify(data);
    if (drawn !== this.drawn) {
      this.drawn = drawn;
      redraw(this.node, this.draw(data));
    }
  }
}
