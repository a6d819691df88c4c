// @ts-check
/** What an authority sent, or a certificate that one has already with its key: as a file, or pasted. */
import { path, Refused } from '../app/api.js';
import { h, newId, replace } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { t } from '../app/text.js';
import { defectForm } from '../parts/defectform.js';
import { outcome } from '../parts/findings.js';
import { choiceOf, labelled, textInput } from '../parts/plain.js';

const FILE_MAX = 256 << 10; // as the API has it
const PIECE = 8192; // arguments of one call

/** @param {Uint8Array} bytes */
function base64(bytes) {
  let text = '';
  for (let at = 0; at < bytes.length; at += PIECE) {
    text += String.fromCharCode(...bytes.subarray(at, at + PIECE));
  }
  return btoa(text);
}

/** A file to choose, or its text to paste: read() is base64, undefined where nothing was given. @param {string} what */
function fileOrText(what) {
  const file = h('input', { type: 'file' });
  const area = h('textarea', { rows: 5, spellcheck: 'false', autocapitalize: 'none', autocomplete: 'off' });
  const node = h('fieldset', { class: 'radios' }, h('legend', {}, t(`import.${what}`)),
    labelled(t(`import.${what}.file`), file, t(`import.${what}.hint`)), labelled(t(`import.${what}.text`), area));
  return { node, file, read: async () => {
    const chosen = file.files[0];
    if (chosen && chosen.size > FILE_MAX) {
      throw new Refused(413, { detail: t('import.large', { name: chosen.name }) });
    }
    const bytes = chosen ? new Uint8Array(await chosen.arrayBuffer()) : new TextEncoder().encode(area.value.trim());
    return bytes.length > 0 ? base64(bytes) : undefined;
  } };
}

/** Name and use of one that was not requested here. */
function newFields() {
  const name = textInput({ name: 'name', required: true });
  const use = choiceOf(['federation', 'sip', 'admin'].map((value) => [value, t(`cert.use.${value}`)]), 'federation',
    { name: 'use' });
  const nodes = [labelled(t('wizard.name'), name, t('import.name.hint')), labelled(t('wizard.use'), use)];
  return { name, use, nodes };
}

/** @param {import('../app/pages.js').App} app @param {any} answer */
function doneOf(app, answer) {
  const { item } = answer;
  const title = h('h2', { tabindex: '-1' }, t('import.done'));
  const to = (/** @type {string[]} */ parts, /** @type {string} */ text, primary = false) =>
    h('a', { class: primary ? 'button primary' : 'button', href: hrefOf(['certificates', item.name, ...parts]) }, text);
  const unused = item.assigned.length === 0;
  const next = h('p', { class: 'actions after' }, unused && to(['assign'], t('cert.assign'), true),
    to([], t('wizard.done.go')));
  return { title, nodes: [title, outcome(answer), unused && h('p', { class: 'after' }, t('cert.unused.say')), next] };
}

/**
 * @param {import('../app/pages.js').App} app
 * @param {import('../app/pages.js').PagePlace} place
 * @returns {Promise<import('../app/pages.js').Page>}
 */
export async function open(app, place) {
  const known = place.values.name;
  const fresh = known ? null : newFields();
  const data = fileOrText('data');
  const key = fileOrText('key');
  const more = h('details', {}, h('summary', {}, t('import.key.own')), key.node);
  const passphrase = h('input', { type: 'password', id: newId(), autocomplete: 'off' });
  const node = h('div');
  const form = defectForm({
    fields: [...(fresh?.nodes ?? []), data.node, more,
      labelled(t('import.passphrase'), passphrase, t('import.passphrase.hint'))],
    action: t('import.action'),
    send: async (anyway) => {
      const body = { data: (await data.read()) ?? '', key: await key.read(),
        passphrase: passphrase.value || undefined, use: fresh?.use.value };
      const name = known ?? fresh?.name.value.trim();
      if (!name) {
        throw new Refused(422, { detail: t('import.name.missing'), setting: 'name' });
      }
      const answer = (await app.api.ask('POST', path('certificates', name, 'import'),
        { body, query: { anyway: anyway ? 1 : undefined } })).json;
      const done = doneOf(app, answer);
      replace(node, done.nodes);
      done.title.focus();
    },
    about: (error) => {
      const kind = error.defects[0]?.kind ?? error.setting ?? '';
      more.open ||= kind === 'no-key';
      return kind.startsWith('passphrase') ? passphrase : kind === 'no-key' ? key.file : kind === 'name' ? fresh?.name
        : null;
    },
  });
  replace(node, h('p', { class: 'hint' }, t(known ? 'import.about' : 'import.about.new')), form);
  return {
    title: known ? t('import.title', { name: known }) : t('import.title.new'),
    up: known ? hrefOf(['certificates', known]) : hrefOf(['certificates']),
    upTitle: known ?? t('nav.certificates'),
    content: [node],
  };
}
