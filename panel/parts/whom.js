// @ts-check
/** Whom a list is asked for: a user and a partner, with the partners there are to choose from. */
import { h, newId, replace } from '../app/dom.js';
import { t } from '../app/text.js';
import { textInput } from './plain.js';

const SETTLE_MS = 250;
const PROPOSED = 20;

/** Proposes what partners there are. @param {import('../app/pages.js').App} app @param {HTMLInputElement} input */
function propose(app, input) {
  const list = h('datalist', { id: newId() });
  let timer = 0;
  const look = () => app.attempt(async () => {
    const { json } = await app.api.get('/v1/partners', { query: { search: input.value.trim(), limit: PROPOSED } });
    replace(list, json.items.map((/** @type {any} */ one) => h('option', { value: one.name })));
  });
  input.setAttribute('list', list.id);
  input.addEventListener('focus', look, { once: true });
  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = window.setTimeout(look, SETTLE_MS);
  });
  return list;
}

/**
 * Both are taken with Enter, or when the field is left.
 * @param {import('../app/pages.js').App} app
 * @param {URLSearchParams} query
 * @param {() => void} changed
 * @param {...Element} more what else is chosen
 */
export function whomBar(app, query, changed, ...more) {
  const field = (/** @type {string} */ name) => textInput({ id: newId(), type: 'search', value: query.get(name) ?? '',
    on: { change: changed } });
  const [user, partner] = [field('user'), field('partner')];
  const labelled = (/** @type {string} */ text, /** @type {any} */ input) =>
    h('div', { class: 'choose' }, h('label', { for: input.id }, text), input);
  return {
    read: () => ({ user: user.value.trim(), partner: partner.value.trim() }),
    node: h('div', { class: 'toolbar', role: 'search' }, labelled(t('whom.user'), user),
      labelled(t('whom.partner'), partner), propose(app, partner), ...more),
  };
}
