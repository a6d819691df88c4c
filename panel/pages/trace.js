// @ts-check
/** Whom to watch, and what passes. #/trace?user=alice@contoso.example&partner=fabrikam.example fills the form in. */
import { Refused } from '../app/api.js';
import { h, replace } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { t } from '../app/text.js';
import { mark, notice } from '../parts/mark.js';
import { choiceOf, labelled, textInput, tick } from '../parts/plain.js';
import { Trace } from '../parts/trace.js';

const SPANS = [60, 600, 3600, 86400];
const USUAL = '600';

/** @param {string} value */
const linesOf = (value) => value.split('\n').map((line) => line.trim()).filter(Boolean);

/** @param {URLSearchParams} query @param {string} name */
function names(query, name) {
  return h('textarea', { name: `${name}s`, rows: 2, spellcheck: 'false', autocapitalize: 'none' },
    query.getAll(name).join('\n'));
}

/** Texts of messages: for administrators, and only while the gateway tells them. @param {boolean} told */
function bodiesField(told) {
  const control = h('input', { type: 'checkbox', name: 'bodies', disabled: !told });
  return { control, node: tick(t('trace.bodies'), control, t(told ? 'trace.bodies.hint' : 'trace.bodies.off')) };
}

/** @param {URLSearchParams} query @param {boolean} told @param {boolean} mayRead the texts */
function fieldsOf(query, told, mayRead) {
  const users = names(query, 'user');
  const partners = names(query, 'partner');
  const span = choiceOf(SPANS.map((seconds) => [String(seconds), t(`trace.span.${seconds}`)]), USUAL, { name: 'span' });
  const count = textInput({ name: 'count', inputmode: 'numeric' });
  const bodies = bodiesField(told && mayRead);
  return {
    nodes: [labelled(t('trace.users'), users, t('trace.users.hint')),
      labelled(t('trace.partners'), partners, t('trace.partners.hint')), labelled(t('trace.span'), span),
      labelled(t('trace.count'), count, t('trace.count.hint')),
      mayRead ? bodies.node : h('p', { class: 'hint' }, t('trace.bodies.never'))],
    read: () => ({ users: linesOf(users.value), partners: linesOf(partners.value), seconds: Number(span.value),
      bodies: bodies.control.checked, count: /^\d{1,9}$/.test(count.value.trim()) ? Number(count.value) : 0 }),
  };
}

/** The same again after the page was loaded anew. @param {{users: string[], partners: string[]}} wish */
function remember({ users, partners }) {
  const query = new URLSearchParams([...users.map((name) => ['user', name]),
    ...partners.map((name) => ['partner', name])]);
  history.replaceState(null, '', `${hrefOf(['trace'])}?${query}`);
}

/** @param {ReturnType<typeof fieldsOf>} fields @param {Trace} trace */
function formOf(fields, trace) {
  const fault = h('div', { role: 'alert' });
  const whom = h('summary', {}, t('trace.whom'));
  const box = h('details', { class: 'whom', open: true }, whom);
  const form = h('form', { class: 'plain-form wide', novalidate: true, autocomplete: 'off' }, fields.nodes,
    h('p', { class: 'hint' }, t('trace.audit')), fault,
    h('div', { class: 'actions' }, h('button', { type: 'submit', class: 'primary' }, t('trace.start'))));
  form.addEventListener('submit', async (/** @type {Event} */ event) => {
    event.preventDefault();
    const wish = fields.read();
    replace(fault);
    try {
      await trace.start(wish);
    } catch (error) {
      if (!(error instanceof Refused)) {
        throw error;
      }
      replace(fault, notice('failed',
        h('p', { lang: error.status ? 'en' : null }, error.status ? error.message : t('away'))));
      return;
    }
    remember(wish);
    box.open = false;
    replace(whom, t('trace.whom'), ': ', [...wish.users, ...wish.partners].join(', '));
    trace.ends.focus();
  });
  box.append(form);
  return box;
}

/**
 * @param {import('../app/pages.js').App} app
 * @param {import('../app/pages.js').PagePlace} place
 * @returns {Promise<import('../app/pages.js').Page>}
 */
export async function open(app, place) {
  const mayRead = app.api.may('administrator');
  const told = (await app.api.get('/v1/gateway')).json['log-message-bodies'] === true;
  const trace = new Trace(app);
  const fields = fieldsOf(place.query, told, mayRead);
  return {
    title: t('nav.trace'),
    content: [h('p', { class: 'hint' }, t('about.trace')),
      !told && h('p', { class: 'texts' }, mark('note', t('trace.texts.off')), ' ',
        h('a', { href: hrefOf(['gateway']) }, t('nav.gateway'))), formOf(fields, trace), trace.node],
    close: () => trace.close(),
  };
}
