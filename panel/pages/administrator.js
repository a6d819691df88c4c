// @ts-check
/** One administrator: role, lock, a new password, where he is signed in, and his end; and a new one. */
import { path, Refused } from '../app/api.js';
import { h, replace } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { t } from '../app/text.js';
import { administratorMark, descriptionField, roleField } from '../parts/administrator.js';
import { changesLink } from '../parts/audit.js';
import { confirm } from '../parts/dialog.js';
import { notice } from '../parts/mark.js';
import { tick } from '../parts/plain.js';
import { sessionTable } from '../parts/sessions.js';
import { plainField, plainForm } from '../parts/signin.js';

/** @typedef {import('../app/pages.js').App} App */

/** @param {string} label */
function newPassword(label) {
  return plainField('password', label, { type: 'password', autocomplete: 'new-password', minlength: 12 },
    t('password.hint'));
}

/** @param {App} app @returns {Promise<import('../app/pages.js').Page>} */
export async function openNew(app) {
  let sent = false;
  const form = plainForm({
    fields: [
      plainField('name', t('title.name'), { autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false' },
        t('administrator.name.hint')),
      roleField('reader'), descriptionField(''), newPassword(t('administrator.password')),
    ],
    action: t('administrator.make'),
    send: async (values) => {
      const { json } = await app.api.ask('POST', '/v1/users', { body: values });
      sent = true;
      app.say(t('made', { name: json.item.name }));
      app.go(hrefOf(['administrators', json.item.name]));
    },
  });
  return { title: t('new.administrators'), up: hrefOf(['administrators']), upTitle: t('nav.administrators'),
    content: [form],
    isDirty: () => !sent && [...form.querySelectorAll('input')].some((input) => input.value !== '') };
}

/** @param {App} app @param {any} item @param {string} tag */
function settingsForm(app, item, tag) {
  const locked = h('input', { type: 'checkbox', checked: item.locked });
  const node = plainForm({
    fields: [roleField(item.role), descriptionField(item.description),
      tick(t('administrator.lock'), locked, t('administrator.lock.hint'))],
    action: t('commit'),
    send: async (values) => {
      const { json } = await app.api.ask('PATCH', path('users', item.name),
        { body: { ...values, locked: locked.checked }, tag });
      app.say(t(json.changed ? 'committed' : 'unchanged'));
      app.again();
    },
  });
  return node;
}

/** @param {App} app @param {any} item */
function passwordForm(app, item) {
  const form = plainForm({
    fields: [newPassword(t('password.new'))],
    action: t('administrator.password.action'),
    send: async (values) => {
      await app.api.ask('PATCH', path('users', item.name), { body: values });
      form.reset();
      app.say(t('administrator.password.done', { name: item.name }));
      app.again();
    },
  });
  return form;
}

/** @param {App} app @param {string} name @param {Element} fault where a refusal is said */
function removeButton(app, name, fault) {
  const remove = async () => {
    const sure = await confirm({ title: t('remove.title', { name }), text: t('remove.administrators'), danger: true,
      action: t('remove.action') });
    if (!sure) {
      return;
    }
    try {
      await app.api.ask('DELETE', path('users', name));
    } catch (error) {
      if (!(error instanceof Refused) || !error.status) {
        throw error;
      }
      replace(fault, notice('failed', error.message));
      return;
    }
    app.say(t('removed', { name }));
    app.go(hrefOf(['administrators']));
  };
  return h('button', { type: 'button', class: 'danger', on: { click: () => app.attempt(remove) } }, t('remove.action'));
}

/**
 * @param {App} app
 * @param {import('../app/pages.js').PagePlace} place
 * @returns {Promise<import('../app/pages.js').Page>}
 */
export async function open(app, place) {
  const where = path('users', place.values.name);
  const [{ json: item, tag }, { json: found }] = await Promise.all([app.api.get(where),
    app.api.get('/v1/users', { query: { search: place.values.name, state: 'any', limit: 1000 } })]);
  const { state } = found.items.find((/** @type {any} */ one) => one.name === item.name) ?? {};
  const sessions = await sessionTable(app, item.name);
  const own = app.api.who?.name === item.name;
  const fault = h('div', { role: 'alert' });
  const did = h('a', { class: 'button', href: hrefOf(['audit'], { who: `user:${item.name}` }) }, t('audit.by'));
  return {
    title: item.name,
    up: hrefOf(['administrators']),
    upTitle: t('nav.administrators'),
    actions: [did, changesLink(app, 'account', item.name), removeButton(app, item.name, fault)],
    content: [fault, h('p', {}, administratorMark({ locked: item.locked, state })),
      h('section', {}, h('h2', {}, t('administrator.settings')), settingsForm(app, item, tag)),
      h('section', {}, h('h2', {}, t('password.title')), own
        ? h('p', {}, h('a', { href: hrefOf(['account']) }, t('administrator.own')))
        : [h('p', { class: 'hint' }, t('administrator.password.about')), passwordForm(app, item)]),
      h('section', {}, h('h2', {}, t('sessions.title')), sessions.node)],
    close: sessions.close,
  };
}
