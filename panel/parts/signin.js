// @ts-check
/** Signing in, and the first administrator of all. */
import { Refused } from '../app/api.js';
import { h, newId, replace } from '../app/dom.js';
import { t } from '../app/text.js';
import { notice } from './mark.js';

/**
 * A labelled input with room for what is wrong with it.
 * @param {string} name
 * @param {string} label
 * @param {Object<string, any>} attributes
 * @param {string} [hint]
 */
export function plainField(name, label, attributes, hint) {
  const id = newId();
  const hintId = hint && newId();
  return h('div', { class: 'plain-field' }, h('label', { for: id }, label),
    h('input', { id, name, required: true, 'aria-describedby': hintId, ...attributes }),
    hint && h('p', { class: 'hint', id: hintId }, hint));
}

/**
 * A form whose fields become one request.
 * @param {Object} wish
 * @param {Element[]} wish.fields
 * @param {string} wish.action what the button says
 * @param {(values: Object<string, string>) => Promise<void>} wish.send
 * @param {(error: Refused) => string} [wish.explain] the sentence for what was refused; the API's own without
 */
export function plainForm({ fields, action, send, explain }) {
  const fault = h('div', { role: 'alert' });
  const button = h('button', { type: 'submit', class: 'primary' }, action);
  const form = h('form', { class: 'plain-form', novalidate: true }, ...fields, fault,
    h('div', { class: 'actions' }, button));
  form.addEventListener('submit', async (/** @type {Event} */ event) => {
    event.preventDefault();
    button.setAttribute('aria-disabled', 'true');
    replace(fault);
    try {
      await send(Object.fromEntries([...new FormData(form)].map(([key, value]) => [key, String(value)])));
    } catch (error) {
      if (!(error instanceof Refused)) {
        throw error;
      }
      replace(fault, notice('failed', explain?.(error) || (error.status ? error.message : t('away'))));
      const about = form.elements.namedItem(error.setting ?? '') ?? form.querySelector('input');
      about.focus();
    } finally {
      button.removeAttribute('aria-disabled');
    }
  });
  return form;
}

/**
 * @param {import('../app/api.js').Api} api
 * @param {() => void} done somebody is signed in: api.who
 * @param {string} [name] who has to sign in again
 */
export function signInForm(api, done, name) {
  return plainForm({
    fields: [
      plainField('name', t('signin.name'),
        { autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false', value: name }),
      plainField('password', t('signin.password'),
        { type: 'password', autocomplete: 'current-password', autofocus: Boolean(name) }),
    ],
    action: t('signin.action'),
    explain: (error) => (error.status === 401 ? t('signin.wrong') : ''),
    send: async (values) => {
      api.who = (await api.once('POST', '/v1/session', { body: values })).json;
      done();
    },
  });
}

/** @param {import('../app/api.js').Api} api @param {() => void} done */
export function setupForm(api, done) {
  return plainForm({
    fields: [
      plainField('token', t('setup.token'), { autocomplete: 'off', spellcheck: 'false' },
        t('setup.token.hint')),
      plainField('name', t('signin.name'), { autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false' }),
      plainField('password', t('signin.password'), { type: 'password', autocomplete: 'new-password', minlength: 12 },
        t('password.hint')),
    ],
    action: t('setup.action'),
    explain: (error) => (error.status === 401 ? t('setup.wrong') : ''),
    send: async (values) => {
      await api.once('POST', '/v1/setup', { body: values });
      const { name, password } = values;
      api.who = (await api.once('POST', '/v1/session', { body: { name, password } })).json;
      done();
    },
  });
}
