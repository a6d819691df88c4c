// @ts-check
/** A state: a picture and a word, coloured besides. */
import { h } from '../app/dom.js';
import { icon } from './icon.js';

/**
 * @param {import('./icon.js').Mark} kind
 * @param {import('../app/dom.js').Child} text
 */
export function mark(kind, text) {
  return h('span', { class: `mark ${kind}` }, icon(kind), h('span', {}, text));
}

/**
 * A sentence that stands out.
 * @param {import('./icon.js').Mark} kind
 * @param {...(import('../app/dom.js').Child | import('../app/dom.js').Child[])} children
 */
export function notice(kind, ...children) {
  return h('div', { class: `notice ${kind}` }, icon(kind), h('div', {}, ...children));
}
