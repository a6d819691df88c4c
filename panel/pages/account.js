// @ts-check
/** One's own account: password, and where one is signed in. */
import { path } from '../app/api.js';
import { h, replace } from '../app/dom.js';
import { duration, t } from '../app/text.js';
import { plainField, plainForm } from '../parts/signin.js';

/** @typedef {import('../app/pages.js').App} App */

/** @param {App} app */
function passwordForm(app) {
  const form = plainForm({
    fields: [
      plainField('old', t('password.old'), { type: 'password', autocomplete: 'current-password' }),
      plainField('new', t('password.new'), { type: 'password', autocomplete: 'new-password', minlength: 12 },
        t('password.hint')),
    ],
    action: t('password.action'),
    send: async (values) => {
      await app.api.ask('POST', '/v1/session/password', { body: values });
      form.reset();
      app.say(t('password.done'));
    },
  });
  return form;
}

/**
 * @param {App} app
 * @param {any} session
 * @param {() => void} again
 */
function sessionRow(app, session, again) {
  const end = async () => {
    await app.api.ask('DELETE', path('sessions', String(session.id)));
    app.say(t('sessions.ended'));
    again();
  };
  return h('tr', {}, h('th', { scope: 'row' }, session.name), h('td', {}, session.from),
    h('td', { class: 'agent', lang: 'en' }, session.agent),
    h('td', { class: 'number' }, duration(session['age-s'])), h('td', { class: 'number' }, duration(session['idle-s'])),
    h('td', {}, session.own ? t('sessions.this') : h('button', { type: 'button', on: { click: end },
      'aria-label': t('sessions.end.of', { name: session.name, from: session.from }) }, t('sessions.end'))));
}

/** @param {App} app */
async function sessionTable(app) {
  const body = h('tbody');
  const fill = async () => {
    const { json } = await app.api.get('/v1/sessions');
    replace(body, json.items.map((/** @type {any} */ one) => sessionRow(app, one, fill)));
  };
  await fill();
  return h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': t('sessions.title') }, h('table', {},
    h('thead', {}, h('tr', {}, ['name', 'from', 'agent', 'age', 'idle', 'action'].map((column) =>
      h('th', { scope: 'col', class: column === 'age' || column === 'idle' ? 'number' : null },
        t(`sessions.${column}`))))), body));
}

/** @param {App} app @returns {Promise<import('../app/pages.js').Page>} */
export async function open(app) {
  const who = /** @type {import('../app/api.js').Who} */ (app.api.who);
  return {
    title: t('account.title', { name: who.name }),
    content: [
      h('p', {}, t(`account.${who.role}`)),
      h('section', {}, h('h2', {}, t('sessions.title')), h('p', { class: 'hint' }, t('sessions.about')),
        await sessionTable(app)),
      h('section', {}, h('h2', {}, t('password.title')), h('p', { class: 'hint' }, t('password.about')),
        passwordForm(app)),
    ],
  };
}
