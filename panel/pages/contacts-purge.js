// @ts-check
/** All contacts of a person who has left, or of a domain: counted first, removed after a question. */
import { Refused } from '../app/api.js';
import { h, replace } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { t } from '../app/text.js';
import { confirm } from '../parts/dialog.js';
import { notice } from '../parts/mark.js';
import { labelled, radios, textInput } from '../parts/plain.js';

/** @typedef {import('../app/pages.js').App} App */

/** @param {App} app @param {{[kind: string]: string}} whose @param {boolean} dry @returns {Promise<number>} */
async function purge(app, whose, dry) {
  const { json } = await app.api.ask('POST', '/v1/contacts/purge', { body: whose, query: { 'dry-run': dry ? 1 : '' } });
  return json.contacts;
}

/**
 * @param {App} app
 * @param {import('../app/pages.js').PagePlace} place
 * @returns {Promise<import('../app/pages.js').Page>}
 */
export async function open(app, place) {
  const asked = place.query.get('user') ? 'user' : 'domain';
  const kind = radios('kind', t('purge.whose'), ['domain', 'user'].map((value) =>
    ({ value, text: t(`purge.${value}`), hint: t(`purge.${value}.hint`) })), asked);
  const name = textInput({ name: 'whose', value: place.query.get(asked) ?? '', required: true });
  const result = h('div', { class: 'stack', role: 'status' });

  const remove = async (/** @type {{[kind: string]: string}} */ whose, /** @type {number} */ count) => {
    const sure = await confirm({ title: t('purge.title', { count }), danger: true, action: t('purge.action', { count }),
      text: t('purge.text', { name: name.value.trim() }) });
    if (sure) {
      const n = await purge(app, whose, false);
      replace(result, notice('ok', h('p', {}, t('purge.done', { count: n }), ' ',
        h('a', { href: hrefOf(['contacts']) }, t('contacts.all')))));
    }
  };
  const run = (/** @type {() => Promise<void>} */ what) => what().catch((error) => {
    if (!(error instanceof Refused)) {
      throw error;
    }
    replace(result, notice('failed', h('p', { lang: 'en' }, error.status ? error.message : t('away'))));
  });
  const count = async () => {
    const whose = { [kind.read()]: name.value.trim() };
    const n = await purge(app, whose, true);
    replace(result, notice(n ? 'warning' : 'note', h('p', {}, t('purge.count', { count: n }))), n > 0 && h('p', {},
      h('button', { type: 'button', class: 'danger', on: { click: () => run(() => remove(whose, n)) } },
        t('purge.action', { count: n }))));
  };
  const form = h('form', { class: 'plain-form wide', novalidate: true, autocomplete: 'off', on: {
    input: () => replace(result), // what was counted is not what stands there now
    submit: (/** @type {Event} */ event) => {
      event.preventDefault();
      run(count);
    } } }, kind.node, labelled(t('purge.name'), name),
  h('div', { class: 'actions' }, h('button', { type: 'submit', class: 'primary' }, t('purge.ask'))), result);
  return {
    title: t('contacts.purge'),
    up: hrefOf(['contacts']),
    upTitle: t('nav.contacts'),
    content: [h('p', { class: 'hint' }, t('purge.about')), form],
  };
}
