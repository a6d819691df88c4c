// @ts-check
/** Who watches whose presence: a hundred thousand contacts, searched, sorted and turned over by the gateway. */
import { h } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { t } from '../app/text.js';
import { Grid } from '../parts/grid.js';
import { icon } from '../parts/icon.js';
import { notice } from '../parts/mark.js';
import { choiceOf } from '../parts/plain.js';
import { searchField } from '../parts/search.js';
import { sinceText, watchMark } from '../parts/watching.js';

const AGAIN_S = 30;
const STATES = ['', 'both', 'to', 'from', 'asked', 'denied', 'added', 'none'];

/** @returns {import('../parts/grid.js').Column[]} */
function columns() {
  const column = (/** @type {string} */ name, /** @type {(item: any) => import('../app/dom.js').Child} */ show) =>
    ({ name, title: t(`contact.${name}`), show });
  return [
    column('sip', (item) => h('a', { href: hrefOf(['contacts', item.sip, item.xmpp]) }, item.sip)),
    column('xmpp', (item) => item.xmpp),
    column('partner', (item) => (item.partner ? h('a', { href: hrefOf(['partners', item.partner]) }, item.partner)
      : t('contact.unlisted'))),
    column('sip-watches', (item) => watchMark(item['sip-watches'])),
    column('sip-since', (item) => sinceText(item['sip-since'])),
    column('xmpp-watches', (item) => watchMark(item['xmpp-watches'])),
    column('xmpp-since', (item) => sinceText(item['xmpp-since'])),
    column('added', (item) => t(item.added ? 'yes' : 'no')),
  ];
}

/** @param {URLSearchParams} query @param {() => void} changed */
function toolbar(query, changed) {
  const search = searchField(query.get('search') ?? '', changed, t('contacts.search'));
  const state = choiceOf(STATES.map((value) => [value, t(`contacts.state.${value || 'any'}`)]),
    query.get('state') ?? '', { 'aria-label': t('column.state') });
  state.addEventListener('change', changed);
  return { search: search.input, state,
    node: h('div', { class: 'toolbar', role: 'search' }, search.nodes, state) };
}

/** Only those of one partner or user, as the address says. @param {Object<string, string>} only */
function onlyPart(only) {
  const texts = Object.entries(only).filter(([, value]) => value)
    .map(([name, value]) => t(`contacts.only.${name}`, { name: value }));
  return texts.length > 0 && notice('note', h('p', {}, texts.join(' '), ' ',
    h('a', { href: hrefOf(['contacts']) }, t('contacts.all'))));
}

/** @param {Object<string, string>} only */
function actions(only) {
  return [h('a', { class: 'button', href: hrefOf(['purge', 'contacts'], { domain: only.partner, user: only.user }) },
    t('contacts.purge')),
  h('a', { class: 'button primary', href: hrefOf(['new', 'contacts']) }, icon('add'), t('contacts.new'))];
}

/**
 * @param {import('../app/pages.js').App} app
 * @param {import('../app/pages.js').PagePlace} place
 * @returns {Promise<import('../app/pages.js').Page>}
 */
export async function open(app, place) {
  const only = { user: place.query.get('user') ?? '', partner: place.query.get('partner') ?? '' };
  const bar = toolbar(place.query, () => {
    grid.view.offset = 0;
    grid.refresh();
  });
  const filter = () => ({ ...only, search: bar.search.value.trim(), state: bar.state.value });
  const isFiltered = () => Object.values(filter()).some(Boolean);
  const grid = new Grid({
    label: t('nav.contacts'),
    columns: columns(),
    ask: async (view, quiet) => (await app.api.get('/v1/contacts', { quiet, query: { ...filter(), ...view } })).json,
    count: (total, from, to) => t('list.count', { count: total, from, to }),
    empty: () => h('p', {}, t(isFiltered() ? 'list.nothing' : 'contacts.empty')),
    moved: (view) => history.replaceState(null, '', hrefOf(['contacts'],
      { ...filter(), sort: view.sort, offset: view.offset || '' })),
  }, { sort: place.query.get('sort') ?? '', offset: Number(place.query.get('offset')) || 0 });
  await grid.refresh();
  const end = app.every(AGAIN_S, () => grid.refresh(true));
  return {
    title: t('nav.contacts'),
    actions: app.api.may('administrator') ? actions(only) : [],
    content: [h('p', { class: 'hint' }, t('contacts.about')), onlyPart(only), bar.node, grid.node],
    close: end,
  };
}
