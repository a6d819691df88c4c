// @ts-check
/** One's own account: password, and where one is signed in. */
import { h } from '../app/dom.js';
import { t } from '../app/text.js';
import { sessionTable } from '../parts/sessions.js';
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
      app.api.who = (await app.api.ask('POST', '/v1/session/password', { body: values })).json; // the secret is another
      form.reset();
      app.say(t('password.done'));
    },
  });
  return form;
}

/** @param {App} app @returns {Promise<import('../app/pages.js').Page>} */
export async function open(app) {
  const who = /** @type {import('../app/api.js').Who} */ (app.api.who);
  const sessions = await sessionTable(app, who.name);
  return {
    title: t('account.title', { name: who.name }),
    content: [
      h('p', {}, t(`account.${who.role}`)),
      h('section', {}, h('h2', {}, t('sessions.title')), h('p', { class: 'hint' }, t('sessions.about')),
        sessions.node),
      h('section', {}, h('h2', {}, t('password.title')), h('p', { class: 'hint' }, t('password.about')),
        passwordForm(app)),
    ],
    close: sessions.close,
  };
}
