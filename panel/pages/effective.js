// @ts-check
/** May this user talk to partners, or to one of their people? Gate by gate, with the way to the one that decides. */
import { Refused } from '../app/api.js';
import { h, replace } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { t } from '../app/text.js';
import { grant, grantable } from '../parts/grant.js';
import { mark, notice } from '../parts/mark.js';
import { choiceOf, labelled, textInput } from '../parts/plain.js';

/**
 * @typedef {import('../app/pages.js').App} App
 *
 * @typedef {Object} Gate
 * @property {string} name
 * @property {boolean} open
 * @property {import('../app/dom.js').Child} text
 * @property {string} href
 * @property {string} to what stands at the link
 * @property {boolean} [hint] it decides about presence alone
 */

/**
 * @param {string} name
 * @param {boolean} open
 * @param {string[]} parts where it is set
 * @param {string} to
 * @returns {Gate}
 */
function gate(name, open, parts, to) {
  return { name, open, text: t(`gate.${name}.${open ? 'open' : 'shut'}`), href: hrefOf(parts), to };
}

/** @param {any} v @returns {Gate[]} */
function ownGates(v) {
  const own = { ...gate('served', v.served, ['sip-users'], t('nav.sip-users')),
    href: hrefOf(['sip-users'], { search: v.user }) };
  const policy = ['policies', v.policy ?? ''];
  return [gate('org', v.org, ['org'], t('nav.org')),
    v.site ? gate('served', v.served, ['sites', v.site], v.site) : own,
    { ...gate('policy', v.federation && v.xmpp, policy, v.policy ?? ''),
      text: `${t(`gate.level.${v.level}`)} ${t('gate.policy.says', { federation: t(v.federation ? 'yes' : 'no'),
        xmpp: t(v.xmpp ? 'yes' : 'no') })}` }];
}

/** Between her and the other one. @param {any} other @param {string} domain her own @returns {Gate[]} */
function gatesBetween(other, domain) {
  const theirs = other.address.split('@').pop() ?? '';
  const partner = other.partner ? gate('partner', true, ['partners', other.partner], other.partner)
    : gate('partner', false, ['new', 'partners'], t('new.partners'));
  const ours = other.route ? gate('route', true, ['routes', other.route], other.route)
    : gate('route', false, ['domains'], domain);
  const block = other.block ? gate('blocks', false, ['blocks', other.block], other.block)
    : { ...gate('blocks', !other.blocked, ['blocks'], t('nav.blocks')),
      ...(other.blocked ? { text: other.blocked, href: hrefOf(['gateway']), to: t('nav.gateway') } : {}) };
  const gates = [{ ...partner, text: `${partner.text} (${theirs})` }, ours, block];
  if (other.partner && other.route) {
    const shut = other['partner-presence'] ? ['routes', other.route] : ['partners', other.partner];
    const passes = other['partner-presence'] && other['route-presence'];
    gates.push({ ...gate('presence', passes, shut, shut[1]), hint: true });
  }
  return gates;
}

/** @param {Gate} one */
function gateRow(one) {
  return h('li', {}, mark(one.open ? 'ok' : one.hint ? 'warning' : 'failed', t(`gate.${one.name}`)),
    h('p', {}, one.text, ' ', h('a', { href: one.href }, one.to)));
}

/** What all of it comes to. @param {any} v @param {Gate[]} gates */
function verdict(v, gates) {
  const open = gates.every((one) => one.open || one.hint);
  const silent = open && gates.some((one) => !one.open);
  const whom = v.with ? 'them' : 'partners';
  const values = { user: v.user, other: v.with?.address ?? '' };
  const what = silent ? 'messages' : open ? 'yes' : 'no';
  return notice(open ? 'ok' : 'failed', h('p', {}, h('b', {}, t(`effective.${what}.${whom}`, values))),
    !v.allowed && h('p', { lang: 'en' }, v.why));
}

/** @param {App} app @param {any} v @param {string[]} policies @param {() => Promise<void>} done */
function grantPart(app, v, policies, done) {
  const none = '';
  const choice = choiceOf([[none, t('effective.grant.none')], ...policies.map((name) =>
    /** @type {[string, string]} */ ([name, name]))], v.level === 'user' ? v.policy : none, { name: 'policy' });
  const give = async () => {
    await grant(app, [v.user], choice.value === none ? null : choice.value);
    await done();
  };
  return h('section', {}, h('h2', {}, t('effective.grant.title')),
    h('div', { class: 'plain-form' },
      labelled(t('effective.grant', { user: v.user }), choice, t('effective.grant.hint')),
      h('div', { class: 'actions' }, h('button', { type: 'button', on: { click: () => app.attempt(give) } },
        t('grant.action')), h('a', { class: 'button', href: hrefOf(['new', 'policies']) }, t('new.policies')))));
}

/** @param {App} app @param {{user: string, with: string}} query */
function form(app, query) {
  const user = textInput({ name: 'user', value: query.user, required: true });
  const other = textInput({ name: 'with', value: query.with });
  return h('form', { class: 'plain-form', novalidate: true, on: { submit: (/** @type {Event} */ event) => {
    event.preventDefault();
    const href = hrefOf(['effective'], { user: user.value.trim(), with: other.value.trim() });
    if (href === location.hash) {
      app.again();
    } else {
      app.go(href);
    }
  } } }, labelled(t('effective.user'), user, t('name.sip-users')),
  labelled(t('effective.with'), other, t('effective.with.hint')),
  h('div', { class: 'actions' }, h('button', { type: 'submit', class: 'primary' }, t('effective.ask'))));
}

/** The answer, as long as somebody looks at it. */
class Answer {
  /** @param {App} app @param {{user: string, with: string}} query @param {string[]} policies */
  constructor(app, query, policies) {
    this.app = app;
    this.query = query;
    this.policies = policies;
    this.shown = '';
    this.verdict = h('div', { role: 'status' });
    this.rest = h('div', { class: 'stack' });
    this.node = h('div', { class: 'stack' }, this.verdict, this.rest);
  }

  /** @param {boolean} quiet */
  async look(quiet) {
    try {
      this.draw((await this.app.api.get('/v1/effective', { quiet, query: this.query })).json);
    } catch (error) {
      if (!(error instanceof Refused) || quiet) {
        throw error;
      }
      replace(this.verdict, notice('failed', h('p', { lang: 'en' }, error.status ? error.message : t('away'))));
    }
  }

  /** @param {any} v */
  draw(v) {
    const drawn = JSON.stringify(v);
    if (drawn === this.shown) {
      return;
    }
    this.shown = drawn;
    const gates = [...ownGates(v), ...(v.with ? gatesBetween(v.with, v.user.split('@').pop()) : [])];
    replace(this.verdict, verdict(v, gates));
    replace(this.rest, h('section', {}, h('h2', {}, t('effective.gates')),
      h('ol', { class: 'findings' }, gates.map(gateRow))),
    this.app.api.may('administrator') && grantPart(this.app, v, this.policies, () => this.look(true)));
  }
}

/**
 * @param {App} app
 * @param {import('../app/pages.js').PagePlace} place
 * @returns {Promise<import('../app/pages.js').Page>}
 */
export async function open(app, place) {
  const query = { user: place.query.get('user') ?? '', with: place.query.get('with') ?? '' };
  const answer = new Answer(app, query, query.user && app.api.may('administrator') ? await grantable(app) : []);
  if (query.user) {
    await answer.look(false);
  }
  return {
    title: t('nav.effective'),
    content: [h('p', { class: 'hint' }, t('effective.about')), form(app, query), query.user && answer.node],
    close: query.user ? app.live.on('settings', () => app.attempt(() => answer.look(true))) : undefined,
  };
}
