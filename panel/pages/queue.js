// @ts-check
/** What waits, for what, how long, and what will become of it. */
import { path } from '../app/api.js';
import { h } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { duration, number, t } from '../app/text.js';
import { Rows } from '../parts/rows.js';
import { whomBar } from '../parts/whom.js';

/**
 * A sentence of the gateway, and within what time.
 * @param {string} text
 * @param {number | null} seconds
 * @param {string} key
 */
function sentence(text, seconds, key) {
  return [h('span', { lang: 'en' }, text), seconds !== null &&
    h('p', { class: 'hint' }, t(key, { time: duration(seconds) }))];
}

/** @param {any} item */
function countOf(item) {
  const hints = item.messages > 0 && [t('queue.waited', { time: duration(item['waited-s']) }),
    item.written > 0 && t('queue.written', { n: item.written })];
  return [number(item.messages), (hints || []).filter(Boolean).map((text) => h('p', { class: 'hint' }, text))].flat();
}

/** @param {any} item */
function leadsOf(item) {
  const to = (/** @type {string} */ kind, /** @type {string} */ name, /** @type {string} */ text) =>
    h('p', {}, h('a', { href: hrefOf([kind, name]) }, text));
  return [item.partner && to('partners', item.partner, item.partner),
    item.stream > 0 && to('streams', String(item.stream), t('queue.stream'))];
}

/** @returns {import('../parts/rows.js').Column[]} */
function columns() {
  return [
    { title: t('queue.to'), show: (item) => [item.to, h('p', { class: 'hint' }, t(`queue.${item.way}`))] },
    { title: t('queue.from'), show: (item) => item.from, kind: 'name' },
    { title: t('queue.messages'), show: countOf, kind: 'number' },
    { title: t('queue.for'), show: (item) => sentence(item['waits-for'], item['for-s'], 'queue.for.time'),
      kind: 'words' },
    { title: t('queue.then'), show: (item) => sentence(item.then, item['then-s'], 'queue.then.time'), kind: 'words' },
    { title: t('queue.more'), show: leadsOf, kind: 'name' },
  ];
}

/**
 * @param {import('../app/pages.js').App} app
 * @param {import('../app/pages.js').PagePlace} place
 * @returns {Promise<import('../app/pages.js').Page>}
 */
export async function open(app, place) {
  const bar = whomBar(app, place.query, () => rows.restart());
  const rows = new Rows({
    label: t('nav.queue'),
    columns: columns(),
    ask: async (before, quiet) => (await app.api.get(path('queue'), { quiet, query: bar.read() })).json,
    says: (found) => found['left-out'] > 0 && h('p', { class: 'hint' }, t('queue.left', { count: found['left-out'] })),
    empty: () => h('p', {}, t(Object.values(bar.read()).some(Boolean) ? 'queue.nothing' : 'queue.none')),
    moved: () => history.replaceState(null, '', hrefOf(['queue'], bar.read())),
  });
  await rows.refresh();
  const quietly = () => rows.refresh(true);
  const ends = [app.every(2, quietly), app.live.on('status', () => app.attempt(quietly))];
  return {
    title: t('nav.queue'),
    content: [h('p', { class: 'hint' }, t('queue.about')), bar.node, rows.node],
    close: () => ends.forEach((end) => end()),
  };
}
