// @ts-check
/** Which methods follow from what is chosen of TLS, SASL and dialback, while one chooses. */
import { h, replace } from '../app/dom.js';
import { t } from '../app/text.js';
import { notice } from './mark.js';

/** @type {Object<string, import('./icon.js').Mark>} */
const MARKS = { ok: 'ok', warning: 'warning', invalid: 'failed' };

/**
 * @typedef {{tls: string, sasl: string, dialback: boolean, methods: string[], verdict: string,
 *   reason: string | null}} Row
 */

/** @param {Row} row */
const methodsOf = (row) => row.methods.map((name) => t(`method.${name}`)).join(', ') || t('method.none');

/** @param {Row[]} rows @param {Row | undefined} current */
function tableOf(rows, current) {
  return h('table', {}, h('thead', {}, h('tr', {}, ['tls', 'sasl', 'dialback', 'methods', 'verdict'].map((name) =>
    h('th', { scope: 'col' }, t(`matrix.${name}`))))), h('tbody', {}, rows.map((row) =>
    h('tr', { 'aria-current': row === current ? 'true' : null }, h('td', {}, row.tls), h('td', {}, row.sasl),
      h('td', {}, t(row.dialback ? 'yes' : 'no')), h('td', {}, methodsOf(row)),
      h('td', {}, t(`matrix.${row.verdict}`))))));
}

/** @param {import('../app/pages.js').App} app */
export async function matrixPart(app) {
  const { rows } = (await app.api.get('/v1/matrix')).json;
  const says = h('div', { role: 'status' });
  const all = h('div', { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': t('matrix.all') });
  let shown = /** @type {Row | undefined | null} */ (null);
  const node = h('div', { class: 'matrix' }, says, h('details', {}, h('summary', {}, t('matrix.all')), all));
  /** @param {import('./form.js').Form} form */
  const draw = (form) => {
    const value = (/** @type {string} */ name) => form.field(name)?.read();
    const row = rows.find((/** @type {Row} */ one) => one.tls === value('tls') && one.sasl === value('sasl') &&
      one.dialback === value('dialback'));
    node.hidden = Boolean(value('component')); // then none of them plays a part
    if (row !== shown) {
      shown = row;
      replace(says, row && notice(MARKS[row.verdict], h('p', {}, h('b', {}, t(`matrix.says.${row.verdict}`)), ' ',
        t('matrix.methods.are', { methods: methodsOf(row) })), row.reason && h('p', { lang: 'en' }, row.reason)));
      replace(all, tableOf(rows, row));
    }
  };
  return { node, watch: (/** @type {import('./form.js').Form} */ form) => {
    form.watchers.add(() => draw(form));
    draw(form);
  } };
}
