// @ts-check
/** The streams of all partners, at this moment. */
import { path } from '../app/api.js';
import { h } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { t } from '../app/text.js';
import { Grid } from '../parts/grid.js';
import { choiceOf } from '../parts/plain.js';
import { searchField } from '../parts/search.js';
import { onStreams, streamColumns } from '../parts/streams.js';

const COLUMNS = ['remote', 'local', 'direction', 'state', 'method', 'tls', 'age-s', 'stanzas-in', 'stanzas-out'];
const DIRECTIONS = ['in', 'out', 'both'];
const STATES = ['ready', 'connecting', 'negotiating', 'closing'];

/**
 * @param {URLSearchParams} query
 * @param {() => void} changed
 */
function toolbar(query, changed) {
  const search = searchField(query.get('search') ?? '', changed, t('streams.search'));
  const choice = (/** @type {string} */ name, /** @type {string[]} */ words, /** @type {string} */ text) =>
    choiceOf([['', t(`streams.any.${name}`)], ...words.map((word) => /** @type {[string, string]} */ (
      [word, t(`${text}.${word}`)]))], query.get(name) ?? '', { 'aria-label': t(`stream.${name}`),
      on: { change: changed } });
  const direction = choice('direction', DIRECTIONS, 'direction');
  const state = choice('state', STATES, 'stream.is');
  return {
    read: () => ({ search: search.input.value.trim(), direction: direction.value, state: state.value }),
    node: h('div', { class: 'toolbar', role: 'search' }, search.nodes, direction, state),
  };
}

/**
 * @param {import('../app/pages.js').App} app
 * @param {import('../app/pages.js').PagePlace} place
 * @returns {Promise<import('../app/pages.js').Page>}
 */
export async function open(app, place) {
  const bar = toolbar(place.query, () => {
    grid.view.offset = 0;
    grid.refresh();
  });
  const isFiltered = () => Object.values(bar.read()).some(Boolean);
  const grid = new Grid({
    label: t('nav.streams'),
    columns: streamColumns(COLUMNS),
    ask: async (view, quiet) => (await app.api.get(path('streams'), { quiet,
      query: { ...bar.read(), ...view, sort: view.sort || COLUMNS[0] } })).json,
    count: (total, from, to) => t('list.count', { count: total, from, to }),
    empty: () => h('p', {}, t(isFiltered() ? 'list.nothing' : 'streams.none')),
    moved: (view) => history.replaceState(null, '', hrefOf(['streams'],
      { ...bar.read(), sort: view.sort, offset: view.offset || '' })),
  }, { sort: place.query.get('sort') ?? '', offset: Number(place.query.get('offset')) || 0 });
  await grid.refresh();
  const quietly = () => grid.refresh(true);
  const ends = [app.every(5, quietly), onStreams(app, () => app.attempt(quietly))];
  return {
    title: t('nav.streams'),
    content: [h('p', { class: 'hint' }, t('streams.about')), bar.node, grid.node],
    close: () => ends.forEach((end) => end()),
  };
}
