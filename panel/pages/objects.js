// @ts-check
/** The list of one kind of objects. */
import { path } from '../app/api.js';
import { h, newId } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { hasText, t } from '../app/text.js';
import { written } from '../parts/field.js';
import { Grid } from '../parts/grid.js';
import { icon } from '../parts/icon.js';
import { stateMark } from '../parts/state.js';
import { COLUMNS } from './kinds.js';

const SETTLE_MS = 250;
const STATES = ['any', 'failing', 'connected', 'idle'];

/** @typedef {import('../app/schema.js').Kind} Kind */

/** @param {Kind} kind @returns {import('../parts/grid.js').Column[]} */
function columnsOf(kind) {
  const rest = COLUMNS[/** @type {keyof typeof COLUMNS} */ (kind.plural)].map((name) => {
    const setting = kind.settings.find((one) => one.name === name);
    const title = hasText(`column.${name}`) ? t(`column.${name}`) : name;
    return setting
      ? { name, title, show: (/** @type {any} */ item) => written(setting, item[name]) }
      : { name, title, show: (/** @type {any} */ item) => stateMark(item.state) };
  });
  return [{ name: 'name', title: t(`title.${kind.title}`), show: (/** @type {any} */ item) =>
    h('a', { href: hrefOf([kind.plural, item.name]) }, item.name) }, ...rest];
}

/**
 * @param {Kind} kind
 * @param {URLSearchParams} query
 * @param {() => void} changed
 */
function toolbar(kind, query, changed) {
  const id = newId();
  const search = h('input', { id, type: 'search', value: query.get('search') ?? '', spellcheck: 'false',
    autocomplete: 'off', placeholder: t('search.hint') });
  const state = kind.plural === 'partners' && h('select', { 'aria-label': t('column.state') }, STATES.map((value) =>
    h('option', { value, selected: value === (query.get('state') ?? 'any') }, t(`filter.${value}`))));
  let timer = 0;
  search.addEventListener('input', () => {
    clearTimeout(timer);
    timer = window.setTimeout(changed, SETTLE_MS);
  });
  state && state.addEventListener('change', changed);
  return { search, state, node: h('div', { class: 'toolbar', role: 'search' },
    h('label', { for: id }, icon('search'), h('span', { class: 'unseen' }, t('search'))), search, state) };
}

/**
 * @param {import('../app/pages.js').App} app
 * @param {import('../app/pages.js').PagePlace} place
 * @returns {Promise<import('../app/pages.js').Page>}
 */
export async function open(app, place) {
  const plural = place.kind;
  const kind = await app.schema.kind(plural);
  const mayChange = app.api.may('administrator');
  const again = hrefOf(['new', plural]);
  const bar = toolbar(kind, place.query, () => {
    grid.view.offset = 0;
    grid.refresh();
  });
  const filter = () => ({ search: bar.search.value.trim(), state: bar.state ? bar.state.value : undefined });
  const isFiltered = () => filter().search !== '' || (filter().state ?? 'any') !== 'any';
  const grid = new Grid({
    label: t(`nav.${plural}`),
    columns: columnsOf(kind),
    ask: async (view, quiet) => (await app.api.get(path(plural), { quiet, query: { ...filter(), ...view } })).json,
    count: (total, from, to) => t('list.count', { count: total, from, to }),
    empty: () => isFiltered() ? h('p', {}, t('list.nothing'))
      : h('div', {}, h('p', {}, t(`empty.${plural}`)), mayChange && h('p', {},
        h('a', { class: 'button primary', href: again }, icon('add'), t(`new.${plural}`)))),
    moved: (view) => {
      const { search, state } = filter();
      history.replaceState(null, '', hrefOf([plural],
        { search, state: state === 'any' ? '' : state, sort: view.sort, offset: view.offset || '' }));
    },
  }, { sort: place.query.get('sort') ?? '', offset: Number(place.query.get('offset')) || 0 });
  await grid.refresh();
  const quietly = () => app.attempt(() => grid.refresh(true));
  const ends = [app.live.on('settings', quietly), ...(plural === 'partners' ? [app.live.on('partners', quietly)] : [])];
  return {
    title: t(`nav.${plural}`),
    actions: mayChange ? [h('a', { class: 'button primary', href: again }, icon('add'), t(`new.${plural}`))] : [],
    content: [h('p', { class: 'hint' }, t(`about.${plural}`)), bar.node, grid.node],
    close: () => ends.forEach((end) => end()),
  };
}
