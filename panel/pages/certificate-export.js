// @ts-check
/** A certificate to take elsewhere; its key only under a passphrase. */
import { path, Refused } from '../app/api.js';
import { h } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { t } from '../app/text.js';
import { defectForm } from '../parts/defectform.js';
import { labelled, radios, tick } from '../parts/plain.js';
import { fileName, save } from '../parts/textblock.js';

/** @param {string} text base64 */
const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

/**
 * @param {import('../app/pages.js').App} app
 * @param {import('../app/pages.js').PagePlace} place
 * @returns {Promise<import('../app/pages.js').Page>}
 */
export async function open(app, place) {
  const { name } = place.values;
  const { json: item } = await app.api.get(path('certificates', name));
  const form = radios('form', t('export.form'), ['pem', 'pkcs12'].map((value) => ({ value, text: t(`export.${value}`),
    hint: t(`export.${value}.hint`) })), 'pem');
  const key = h('input', { type: 'checkbox', disabled: !item.exportable });
  const password = () => h('input', { type: 'password', autocomplete: 'new-password' });
  const [first, second] = [password(), password()];
  const node = defectForm({
    fields: [form.node, tick(t('export.key'), key, t(item.exportable ? 'export.key.hint' : 'wizard.exportable.never')),
      labelled(t('export.passphrase'), first, t('export.passphrase.hint')), labelled(t('export.again'), second)],
    action: t('cert.export'),
    send: async () => {
      if (first.value !== second.value) {
        throw new Refused(422, { detail: t('export.differ'), setting: 'passphrase' });
      }
      const { data } = (await app.api.ask('POST', path('certificates', name, 'export'),
        { body: { form: form.read(), key: key.checked, passphrase: first.value || undefined } })).json;
      save(`${fileName(name)}.${form.read() === 'pem' ? 'pem' : 'p12'}`, bytesOf(data));
      app.say(t('export.done'));
    },
    about: (error) => (error.setting === 'passphrase' ? first : null),
  });
  return { title: t('export.title', { name }), up: hrefOf(['certificates', name]), upTitle: name,
    content: [h('p', { class: 'hint' }, t('export.about')), node] };
}
