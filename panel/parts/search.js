// @ts-check
/** A field that looks for text while one types. */
import { h, newId } from '../app/dom.js';
import { t } from '../app/text.js';
import { icon } from './icon.js';

const SETTLE_MS = 250;

/**
 * @param {string} value
 * @param {() => void} changed some moments after the last letter
 * @param {string} [hint]
 */
export function searchField(value, changed, hint = t('search.hint')) {
  const id = newId();
  const input = h('input', { id, type: 'search', value, spellcheck: 'false', autocomplete: 'off', placeholder: hint });
  let timer = 0;
  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = window.setTimeout(changed, SETTLE_MS);
  });
  const label = h('label', { for: id }, icon('search'), h('span', { class: 'unseen' }, t('search')));
  return { input, nodes: [label, input] };
}
