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
  return [number(item.messages), item.written > 0 &&
    h('p', { class: 'hint' }, t('queue.written', { n: item.written }))];
}

/** @param {any} item */
function waitOf(item) {
  return item.messages > 0 ? duration(item['waited-s']) : t('none');
}

/** @returns {import('../parts/rows.js').Column[]} */
function columns() {
  return [
    { title: t('queue.to'), show: (item) => item.to },
    { title: t('queue.from'), show: (item) => item.from, kind: 'name' },
    { title: t('queue.way'), show: (item) => t(`queue.${item.way}`) },
    { title: t('queue.messages'), show: countOf, kind: 'number' },
    { title: t('queue.waited'), show: waitOf, kind: 'number' },
    { title: t('queue.for'), show: (item) => sentence(item['waits-for'], item['for-s'], 'queue.for.time'),
      kind: 'words' },
    { title: t('queue.then'), show: (item) => sentence(item.then, item['then-s'], 'queue.then.time'), kind: 'words' },
    { title: t('queue.more'), show: (item) => [
      item.partner && h('a', { href: hrefOf(['partners', item.partner]) }, item.partner), ' ',
      item.stream > 0 && h('a', { href: hrefOf(['streams', String(item.stream)]) }, t('queue.stream'))], kind: 'name' },
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
