// @ts-check
/** Who is signed in, from where, and the end of it. */
import { path } from '../app/api.js';
import { h, replace } from '../app/dom.js';
import { duration, t } from '../app/text.js';

const EVERY_S = 10;

/** @typedef {import('../app/pages.js').App} App */

/**
 * @param {App} app
 * @param {any} session
 * @param {() => void} again
 */
function row(app, session, again) {
  const end = () => app.attempt(async () => {
    await app.api.ask('DELETE', path('sessions', String(session.id)));
    app.say(t('sessions.ended'));
    again();
  });
  return h('tr', {}, h('th', { scope: 'row' }, session.name), h('td', {}, session.from),
    h('td', { class: 'agent', lang: 'en' }, session.agent),
    h('td', { class: 'number' }, duration(session['age-s'])), h('td', { class: 'number' }, duration(session['idle-s'])),
    h('td', {}, session.own ? t('sessions.this') : h('button', { type: 'button', on: { click: end },
      'aria-label': t('sessions.end.of', { name: session.name, from: session.from }) }, t('sessions.end'))));
}

/**
 * @param {App} app
 * @param {string} [name] whose; without it those of everybody, as far as one may see them
 * @returns {Promise<{node: Element, close: () => void}>}
 */
export async function sessionTable(app, name) {
  const body = h('tbody');
  const head = h('tr', {}, ['name', 'from', 'agent', 'age', 'idle', 'action'].map((column) =>
    h('th', { scope: 'col', class: column === 'age' || column === 'idle' ? 'number' : null },
      t(`sessions.${column}`))));
  const table = h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': t('sessions.title') },
    h('table', {}, h('thead', {}, head), body));
  const none = h('p', { class: 'hint', tabindex: '-1' }, t('sessions.none'));
  const ended = () => app.attempt(async () => {
    await fill(false);
    (table.hidden ? none : table).focus(); // the button that had it is gone
  });
  const fill = async (/** @type {boolean} */ quiet) => {
    const { json } = await app.api.get('/v1/sessions', { quiet });
    if (quiet && body.contains(document.activeElement)) {
      return; // a button that somebody is about to press stays where it is
    }
    const own = json.items.filter((/** @type {any} */ one) => !name || one.name === name);
    replace(body, own.map((/** @type {any} */ one) => row(app, one, ended)));
    table.hidden = own.length === 0;
    none.hidden = own.length > 0;
  };
  await fill(false);
  return { node: h('div', {}, table, none), close: app.every(EVERY_S, () => fill(true)) };
}
