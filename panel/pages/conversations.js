// @ts-check
/** Who has talked with whom, and how the last message each way ended. */
import { path } from '../app/api.js';
import { h } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { duration, number, t } from '../app/text.js';
import { wayMark } from '../parts/outcome.js';
import { choiceOf } from '../parts/plain.js';
import { Rows } from '../parts/rows.js';
import { whomBar } from '../parts/whom.js';

const PAGE = 50;

/** @returns {import('../parts/rows.js').Column[]} */
function columns() {
  return [
    { title: t('talk.sip'), show: (talk) => h('a', { href: hrefOf(['conversations', talk.id]) }, talk.sip) },
    { title: t('talk.xmpp'), show: (talk) => talk.xmpp, kind: 'name' },
    { title: t('talk.to-xmpp'), show: (talk) => wayMark(talk['last-to-xmpp'], talk['sip-to-xmpp']) },
    { title: t('talk.to-sip'), show: (talk) => wayMark(talk['last-to-sip'], talk['xmpp-to-sip']) },
    { title: t('talk.bounced'), show: (talk) => number(talk['bounced-late']), kind: 'number' },
    { title: t('talk.silent'), show: (talk) => duration(talk['idle-s']), kind: 'number' },
  ];
}

/**
 * @param {import('../app/pages.js').App} app
 * @param {import('../app/pages.js').PagePlace} place
 * @returns {Promise<import('../app/pages.js').Page>}
 */
export async function open(app, place) {
  const restart = () => rows.restart();
  const state = choiceOf([['', t('talks.all')], ['failed', t('talks.failed')]], place.query.get('state') ?? '',
    { 'aria-label': t('talks.which'), on: { change: restart } });
  const bar = whomBar(app, place.query, restart, state);
  const filter = () => ({ ...bar.read(), state: state.value });
  const rows = new Rows({
    label: t('nav.conversations'),
    columns: columns(),
    ask: async (before, quiet) => (await app.api.get(path('conversations'),
      { quiet, query: { ...filter(), before, limit: PAGE } })).json,
    empty: ({ next }) => h('p', {}, t(next ? 'talks.further'
      : Object.values(filter()).some(Boolean) ? 'list.nothing' : 'talks.none')),
    moved: (before) => history.replaceState(null, '', hrefOf(['conversations'], { ...filter(), before })),
  }, place.query.get('before') ?? '');
  await rows.refresh();
  const quietly = () => rows.refresh(true);
  const ends = [app.every(5, quietly), app.live.on('status', () => app.attempt(quietly))];
  return {
    title: t('nav.conversations'),
    content: [h('p', { class: 'hint' }, t('talks.about')), bar.node, rows.node],
    close: () => ends.forEach((end) => end()),
  };
}
