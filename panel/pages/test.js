// @ts-check
/**
 * Would a message arrive, would presence be seen? Tried between two people, by the gates and streams that their own
 * would take. #/test?from=alice@contoso.example&to=romeo@fabrikam.example fills the forms in.
 */
import { path, Refused } from '../app/api.js';
import { h, replace } from '../app/dom.js';
import { PAGES } from '../app/pages.js';
import { hrefOf } from '../app/router.js';
import { t } from '../app/text.js';
import { Ladder } from '../parts/ladder.js';
import { notice } from '../parts/mark.js';
import { choiceOf, facts, labelled, textInput, tick } from '../parts/plain.js';
import { Trace } from '../parts/trace.js';

/** @typedef {import('../app/pages.js').App} App */

const LOOK_MS = 300;
const WATCH_S = 120;
const TEXT_MAX = 1000;
const WAYS = ['both', 'sip-to-xmpp', 'xmpp-to-sip'];

/** hh:mm:ss.fff, as Lync's Test-CsXmppIM has it. @param {number | null} ms */
function latency(ms) {
  return ms === null ? t('none') : new Date(ms).toISOString().slice(11, 23);
}

/** @param {string} name @param {string} label @param {string} value @param {string} hint */
function personField(name, label, value, hint) {
  const control = textInput({ name, value, placeholder: hint });
  return { control, node: labelled(label, control) };
}

/** @param {Refused} error */
const refusal = (error) => notice('failed',
  h('p', { lang: error.status ? 'en' : null }, error.status ? error.message : t('away')));

/** Links to where more is seen of two people. @param {string[]} people @param {string} [conversation] */
function moreOf(people, conversation) {
  const query = new URLSearchParams(people.map((name) => ['user', name]));
  const there = PAGES.some((row) => /^conversations\/:/.test(row.path));
  return h('p', { class: 'actions' }, h('a', { href: `${hrefOf(['trace'])}?${query}` }, t('try.trace')),
    conversation && there && h('a', { href: hrefOf(['conversations', conversation]) }, t('try.conversation')));
}

/**
 * A form that begins a test, what it comes to, and a trace beside it.
 * @param {App} app
 * @param {Object} wish
 * @param {string} wish.title
 * @param {string} wish.about
 * @param {string} wish.action
 * @param {Element[]} wish.fields
 * @param {string} wish.where the plural in the API
 * @param {() => {people: string[], body: any}} wish.read
 * @param {(test: any) => void} wish.progress
 * @param {(test: any, people: string[]) => import('../app/dom.js').Child[]} wish.verdict
 * @param {Element} [wish.steps]
 */
function tryPart(app, wish) {
  const trace = new Trace(app);
  const watch = h('input', { type: 'checkbox', name: 'watch' });
  const button = h('button', { type: 'submit', class: 'primary' }, wish.action);
  const verdict = h('div', { class: 'stack', role: 'status' });
  const form = h('form', { class: 'plain-form wide', novalidate: true, autocomplete: 'off' }, wish.fields,
    tick(t('try.watch'), watch, t('try.watch.hint')), h('div', { class: 'actions' }, button));
  const run = async () => {
    const { people, body } = wish.read();
    if (watch.checked) {
      await trace.start({ users: people.filter(Boolean), partners: [], seconds: WATCH_S });
    }
    replace(verdict, h('p', { class: 'hint' }, t('test.runs')));
    const { id } = (await app.api.ask('POST', path(wish.where), { body })).json;
    let test = { done: false };
    while (!test.done && button.isConnected) {
      test = (await app.api.get(path(wish.where, String(id)))).json;
      wish.progress(test);
      test.done || await new Promise((resolve) => {
        setTimeout(resolve, LOOK_MS);
      });
    }
    test.done && replace(verdict, wish.verdict(test, people));
  };
  form.addEventListener('submit', async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (button.getAttribute('aria-disabled') === 'true') {
      return;
    }
    button.setAttribute('aria-disabled', 'true');
    wish.progress({ steps: [] });
    try {
      await run();
    } catch (error) {
      if (!(error instanceof Refused)) {
        throw error;
      }
      replace(verdict, refusal(error));
    } finally {
      button.removeAttribute('aria-disabled');
    }
  });
  return { close: () => trace.close(), node: h('section', { class: 'try' }, h('h2', {}, wish.title),
    h('p', { class: 'hint' }, wish.about), form, h('div', { class: 'stack try-result' }, verdict, wish.steps),
    trace.node) };
}

/** @param {any} test @param {string[]} people */
function messageVerdict(test, people) {
  const works = test.result === 'success';
  return [notice(works ? 'ok' : 'failed', h('p', { lang: 'en' }, test.diagnosis)), facts([
    [t('try.from'), test.from], [t('try.to'), test.to],
    [t('try.result'), t(works ? 'try.success' : 'try.failure')], [t('try.latency'), latency(test['latency-ms'])],
    [t('try.error'), h('span', { lang: 'en' }, test.error || t('none'))]]), moreOf(people, test.conversation)];
}

/** @param {App} app @param {URLSearchParams} query @param {string} partner an example of whose people */
function messagePart(app, query, partner) {
  const from = personField('from', t('try.from'), query.get('from') ?? '', 'alice@contoso.example');
  const to = personField('to', t('try.to'), query.get('to') ?? '', `romeo@${partner}`);
  const text = h('textarea', { name: 'text', rows: 2, maxlength: TEXT_MAX });
  const swap = h('button', { type: 'button', on: { click: () => {
    [from.control.value, to.control.value] = [to.control.value, from.control.value];
  } } }, t('try.swap'));
  const value = (/** @type {any} */ control) => control.value.trim();
  return tryPart(app, {
    title: t('try.message'), about: t('try.message.about'), action: t('try.message.action'), where: 'message-tests',
    fields: [from.node, to.node, h('p', {}, swap), labelled(t('try.text'), text, t('try.text.hint'))],
    read: () => {
      const people = [value(from.control), value(to.control)];
      return { people, body: { from: people[0], to: people[1], text: value(text) || undefined } };
    },
    progress: () => {},
    verdict: messageVerdict,
  });
}

/** @param {App} app @param {URLSearchParams} query @param {string} partner */
function presencePart(app, query, partner) {
  const sip = personField('sip', t('try.sip'), query.get('sip') ?? query.get('from') ?? '', 'alice@contoso.example');
  const xmpp = personField('xmpp', t('try.xmpp'), query.get('xmpp') ?? query.get('to') ?? '', `romeo@${partner}`);
  const way = choiceOf(WAYS.map((one) => [one, t(`try.way.${one}`)]), 'both', { name: 'way' });
  const ladder = new Ladder(t('ladder.label'));
  return tryPart(app, {
    title: t('try.presence'), about: t('try.presence.about'), action: t('try.presence.action'), where: 'presence-tests',
    fields: [sip.node, xmpp.node, labelled(t('try.way'), way)],
    read: () => {
      const people = [sip.control.value.trim(), xmpp.control.value.trim()];
      return { people, body: { sip: people[0], xmpp: people[1], way: way.value } };
    },
    progress: (test) => ladder.show(test.steps),
    verdict: (test, people) => [notice(test.works ? 'ok' : 'failed', h('p', { lang: 'en' }, test.verdict)),
      moreOf(people)],
    steps: ladder.node,
  });
}

/**
 * @param {App} app
 * @param {import('../app/pages.js').PagePlace} place
 * @returns {Promise<import('../app/pages.js').Page>}
 */
export async function open(app, place) {
  const { query } = place;
  const partner = query.get('partner') ?? 'fabrikam.example';
  const parts = [...(app.api.may('administrator') ? [messagePart(app, query, partner)] : []),
    presencePart(app, query, partner)];
  return {
    title: t('nav.test'),
    content: [h('p', { class: 'hint' }, t('about.test')), ...parts.map((part) => part.node)],
    close: () => parts.forEach((part) => part.close()),
  };
}
