// @ts-check
/** What the page of a proxy has besides its settings: how its link is, and whose share of it is used up. */
import { path } from '../app/api.js';
import { h } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { duration, number, t } from '../app/text.js';
import { mark, notice } from '../parts/mark.js';
import { Part } from '../parts/part.js';
import { facts } from '../parts/plain.js';

/** @typedef {import('../app/pages.js').App} App */

/** @type {{[state: string]: import('../parts/icon.js').Mark}} */
const MARKS = { ready: 'ok', learning: 'busy', dialling: 'busy', down: 'failed', silent: 'failed', off: 'idle' };

/** @param {any} status */
function stateOf(status) {
  return mark(MARKS[status.state] ?? 'note', t(`proxy.is.${status.state}`));
}

/** @param {any} status */
function factsOf(status) {
  const linked = status.links !== undefined;
  const trip = status['round-trip-ms'];
  return [status.why && notice(status.state === 'off' ? 'note' : 'failed', h('p', { lang: 'en' }, status.why)),
    facts([[t('proxy.state'), stateOf(status)], [t('proxy.sends'), t(status.sends ? 'yes' : 'no')],
      [t('proxy.since'), linked && status['since-s'] !== null ? duration(status['since-s']) : ''],
      [t('proxy.host'), status.host], [t('proxy.version'), status.version],
      [t('proxy.round-trip'), linked && trip !== null ? t('proxy.ms', { ms: number(trip) }) : ''],
      [t('proxy.streams'), linked ? number(status.streams) : ''],
      [t('proxy.under-way'), linked ? number(status['under-way']) : ''],
      [t('proxy.waiting'), linked ? number(status.waiting) : '']])];
}

/** @param {any} status */
function sharesOf({ partners = [], credit }) {
  const head = ['partner', 'out', 'in'].map((name) => h('th', { scope: 'col' }, t(`proxy.share.${name}`)));
  const of = (/** @type {any} */ one, /** @type {string} */ way) =>
    h('td', {}, t('proxy.share.of', { n: number(one[way]), most: number(credit[way]) }));
  const rows = partners.map((/** @type {any} */ one) => h('tr', {}, h('th', { scope: 'row' },
    h('a', { href: hrefOf(['partners', one.partner]) }, one.partner)), of(one, 'out'), of(one, 'in')));
  const label = t('proxy.shares');
  return rows.length > 0 && h('div', { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': label },
    h('table', {}, h('caption', {}, label), h('thead', {}, h('tr', {}, head)), h('tbody', {}, rows)));
}

/** @param {App} app @param {string} name */
export async function above(app, name) {
  const now = new Part(factsOf);
  const shares = new Part(sharesOf);
  const refresh = async () => {
    const { json } = await app.api.get(path('proxies', name, 'status'), { quiet: true });
    now.show(json);
    shares.show(json);
  };
  await refresh();
  const end = app.every(2, refresh);
  return { nodes: [h('section', {}, h('h2', {}, t('proxy.now')), now.node, shares.node)], close: end };
}
