// @ts-check
/** Who may use this panel and the API: administrators, tokens, and who is signed in. */
import { path } from '../app/api.js';
import { h } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { moment, t } from '../app/text.js';
import { administratorMark } from '../parts/administrator.js';
import { changesLink } from '../parts/audit.js';
import { confirm } from '../parts/dialog.js';
import { Grid } from '../parts/grid.js';
import { icon } from '../parts/icon.js';
import { mark } from '../parts/mark.js';
import { searchField } from '../parts/search.js';
import { sessionTable } from '../parts/sessions.js';

const WAITS_S = 5; // how often it is looked who has to wait

/** @typedef {import('../app/pages.js').App} App */

/** @param {any} token */
function expiryMark(token) {
  if (!token.expires) {
    return t('token.forever');
  }
  const at = token.expires * 1000;
  return at > Date.now() ? moment(at) : mark('failed', t('token.expired', { when: moment(at) }));
}

/** @param {App} app @param {string} name @param {() => void} done */
function revokeButton(app, name, done) {
  const revoke = async () => {
    const sure = await confirm({ title: t('token.revoke.title', { name }), text: t('token.revoke.text'), danger: true,
      action: t('token.revoke') });
    if (sure) {
      await app.api.ask('DELETE', path('tokens', name));
      app.say(t('token.revoked', { name }));
      done();
    }
  };
  return h('button', { type: 'button', class: 'danger', 'aria-label': t('token.revoke.of', { name }),
    on: { click: () => app.attempt(revoke) } }, t('token.revoke'));
}

/**
 * A list of one kind with its search.
 * @param {App} app
 * @param {Object} wish
 * @param {string} wish.plural
 * @param {string} wish.label
 * @param {(again: () => void) => import('../parts/grid.js').Column[]} wish.columns
 * @param {string} [wish.state] as the API is asked for it
 * @param {string} wish.empty
 */
function listOf(app, { plural, label, columns, state, empty }) {
  const search = searchField('', () => {
    grid.view.offset = 0;
    grid.refresh();
  });
  /** @type {Grid} */
  const grid = new Grid({
    label,
    columns: columns(() => app.attempt(() => grid.refresh())),
    ask: async (view, quiet) => (await app.api.get(path(plural),
      { quiet, query: { state, search: search.input.value.trim(), ...view } })).json,
    count: (total, from, to) => t('list.count', { count: total, from, to }),
    empty: () => h('p', {}, t(search.input.value.trim() ? 'list.nothing' : empty)),
    moved: () => {},
  }, { sort: 'name', offset: 0 });
  return { grid, node: h('div', {}, h('div', { class: 'toolbar', role: 'search', 'aria-label': label }, search.nodes),
    grid.node) };
}

/** @param {App} app */
function peopleList(app) {
  return listOf(app, { plural: 'users', label: t('nav.administrators'), state: 'any', empty: 'list.nothing',
    columns: () => [
      { name: 'name', title: t('title.name'), show: (item) => h('a', { href: hrefOf(['administrators', item.name]) },
        item.name) },
      { name: 'role', title: t('administrator.role'), show: (item) => t(`role.${item.role}`) },
      { name: 'state', title: t('column.state'), fixed: true, show: administratorMark },
      { name: 'description', title: t('column.description'), show: (item) => item.description || t('none') }] });
}

/** @param {App} app */
function tokenList(app) {
  return listOf(app, { plural: 'tokens', label: t('token.title'), empty: 'token.none', columns: (again) => [
    { name: 'name', title: t('title.name'), show: (item) => item.name },
    { name: 'role', title: t('administrator.role'), show: (item) => t(`role.${item.role}`) },
    { name: 'expires', title: t('token.until'), show: expiryMark },
    { name: 'description', title: t('column.description'), show: (item) => item.description || t('none') },
    { name: 'action', title: t('token.action'), fixed: true, show: (item) => revokeButton(app, item.name, again) }] });
}

/** @param {string} title @param {string} about @param {...import('../app/dom.js').Child} rest */
function section(title, about, ...rest) {
  return h('section', {}, h('h2', {}, title), h('p', { class: 'hint' }, about), ...rest);
}

/** @param {App} app @returns {Promise<import('../app/pages.js').Page>} */
export async function open(app) {
  const people = peopleList(app);
  const tokens = tokenList(app);
  const [sessions] = await Promise.all([sessionTable(app), people.grid.refresh(), tokens.grid.refresh()]);
  const ends = [sessions.close, app.every(WAITS_S, () => people.grid.refresh(true)),
    app.live.on('settings', () => app.attempt(async () => {
      await Promise.all([people.grid.refresh(true), tokens.grid.refresh(true)]);
    }))];
  const add = (/** @type {string} */ kind, primary = false) => h('a', { class: primary ? 'button primary' : 'button',
    href: hrefOf(['new', kind]) }, icon('add'), t(`new.${kind}`));
  return {
    title: t('nav.administrators'),
    actions: [changesLink(app, 'account', '', t('audit.ofall')), add('tokens'), add('administrators', true)],
    content: [h('p', { class: 'hint' }, t('about.administrators')), people.node,
      section(t('token.title'), t('token.about'), tokens.node),
      section(t('sessions.title'), t('sessions.about'), sessions.node)],
    close: () => ends.forEach((end) => end()),
  };
}
