// @ts-check
/** One object of any kind: all its settings, and what is particular to its kind. */
import { path } from '../app/api.js';
import { h, newId } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { t } from '../app/text.js';
import { confirm } from '../parts/dialog.js';
import { Form } from '../parts/form.js';
import { resolveConflict } from '../parts/conflict.js';
import { EXTRAS } from './kinds.js';

/**
 * @typedef {import('../app/pages.js').App} App
 * @typedef {import('../app/pages.js').PagePlace} PagePlace
 * @typedef {import('../app/pages.js').Page} Page
 *
 * What a kind adds.
 * @typedef {Object} Extras
 * @property {(app: App) => Promise<Object<string, {node: Element, watch: (form: Form) => void}>>} [beside] below
 *   groups, by their names
 * @property {(app: App, name: string) => Promise<{nodes: Element[], close: () => void}>} [above] how it is
 */

/** The input of a new object's name. @param {import('../app/schema.js').Kind} kind */
function nameField(kind) {
  const id = newId();
  const hint = newId();
  const input = h('input', { id, name: 'name', type: 'text', autocomplete: 'off', autocapitalize: 'none',
    required: true, spellcheck: 'false', 'aria-describedby': hint });
  return { input, node: h('div', { class: 'field' },
    h('div', { class: 'field-name' }, h('label', { for: id }, t(`title.${kind.title}`))),
    h('div', { class: 'field-value' }, input),
    h('div', { class: 'field-help', id: hint }, h('p', {}, t(`name.${kind.plural}`)))) };
}

/** @param {Extras} extras @param {App} app */
async function besideOf(extras, app) {
  const parts = (await extras.beside?.(app)) ?? {};
  return {
    nodes: Object.fromEntries(Object.entries(parts).map(([group, part]) => [group, part.node])),
    watch: (/** @type {Form} */ form) => Object.values(parts).forEach((part) => part.watch(form)),
  };
}

/** @param {App} app @param {PagePlace} place @returns {Promise<Page>} */
export async function openNew(app, place) {
  const plural = place.kind;
  const kind = await app.schema.kind(plural);
  const extras = await EXTRAS[/** @type {keyof typeof EXTRAS} */ (plural)]?.();
  const beside = await besideOf(extras ?? {}, app);
  const name = nameField(kind);
  let sent = false;
  const form = new Form(kind, undefined, {
    readOnly: !app.api.may('administrator'),
    first: [name.node],
    isChanged: () => name.input.value.trim() !== '',
    beside: beside.nodes,
    send: async (values, dry) => (await app.api.ask('POST', path(plural),
      { body: { name: name.input.value.trim(), ...values }, query: { 'dry-run': dry ? 1 : undefined } })).json,
    done: (answer) => {
      sent = true;
      app.say(t('made', { name: answer.item.name }));
      app.go(hrefOf([plural, answer.item.name]));
    },
  });
  name.input.addEventListener('input', () => form.changed());
  name.input.addEventListener('change', () => form.judgeSoon());
  beside.watch(form);
  return { title: t(`new.${plural}`), up: hrefOf([plural]), upTitle: t(`nav.${plural}`), content: [form.node],
    isDirty: () => !sent && form.isDirty(), settled: () => form.settled() };
}

/** @param {App} app @param {string} plural @param {string} name @param {() => void} gone */
function removeButton(app, plural, name, gone) {
  const remove = async () => {
    const sure = await confirm({ title: t('remove.title', { name }), text: t(`remove.${plural}`), danger: true,
      action: t('remove.action') });
    if (sure) {
      await app.api.ask('DELETE', path(plural, name));
      gone();
      app.say(t('removed', { name }));
      app.go(hrefOf([plural]));
    }
  };
  return h('button', { type: 'button', class: 'danger', on: { click: () => app.attempt(remove) } }, t('remove.action'));
}

/** @param {App} app @param {PagePlace} place @returns {Promise<Page>} */
export async function open(app, place) {
  const plural = place.kind;
  const kind = await app.schema.kind(plural);
  const name = place.values.name ?? '';
  const where = kind.single ? path(plural) : path(plural, name);
  const mayChange = app.api.may('administrator');
  const extras = (await EXTRAS[/** @type {keyof typeof EXTRAS} */ (plural)]?.()) ?? {};
  const [{ json: object, tag }, above, beside] = await Promise.all([app.api.get(where),
    extras.above?.(app, name), besideOf(extras, app)]);
  let left = false;
  const again = () => {
    left = true;
    app.again();
  };
  let seen = tag;
  const form = new Form(kind, object, {
    readOnly: !mayChange,
    beside: beside.nodes,
    send: async (values, dry) => (await app.api.ask('PATCH', where,
      { body: values, query: { 'dry-run': dry ? 1 : undefined }, tag: dry ? '' : seen })).json,
    done: (answer) => {
      app.say(t(answer.changed ? 'committed' : 'unchanged'));
      again();
    },
    conflict: () => resolveConflict(app, { kind, where, name, base: object, form }, (newTag) => {
      seen = newTag;
      form.submit();
    }, again),
  });
  beside.watch(form);
  return {
    title: kind.single ? t(`nav.${plural}`) : name,
    up: kind.single ? undefined : hrefOf([plural]),
    upTitle: kind.single ? undefined : t(`nav.${plural}`),
    actions: mayChange && !kind.single ? [removeButton(app, plural, object.name, () => {
      left = true;
    })] : [],
    content: [kind.single && h('p', { class: 'hint' }, t(`about.${plural}`)), ...(above?.nodes ?? []), form.node],
    isDirty: () => !left && form.isDirty(),
    settled: () => form.settled(),
    close: above?.close,
  };
}
