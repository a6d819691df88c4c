// @ts-check
/** What is wrong with a certificate, or might be. */
import { h } from '../app/dom.js';
import { t } from '../app/text.js';
import { mark, notice } from './mark.js';

/** @type {Object<string, import('./icon.js').Mark>} */
const WEIGHTS = { hint: 'note', serious: 'warning', fatal: 'failed' };

/** @typedef {{kind: string, weight: 'hint' | 'serious' | 'fatal', text: string}} Defect */

/** @param {Defect[]} defects */
export function defectList(defects) {
  return h('ul', { class: 'findings' }, defects.map((it) => h('li', { class: it.weight },
    mark(WEIGHTS[it.weight], t(`weight.${it.weight}`)), h('p', { lang: 'en' }, it.text))));
}

/**
 * What the gateway has done, what it warns of, and what might be better.
 * @param {{log?: string[], warnings?: string[], defects?: Defect[]}} answer
 */
export function outcome({ log = [], warnings = [], defects = [] }) {
  return h('div', { class: 'stack' },
    notice('ok', h('ul', { class: 'log', lang: 'en' }, log.map((line) => h('li', {}, line)))),
    warnings.map((text) => notice('warning', h('p', { lang: 'en' }, text))),
    defects.length > 0 && defectList(defects));
}
