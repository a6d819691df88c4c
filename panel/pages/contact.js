// @ts-check
/** One contact: how these two watch each other, what is under way for it now, and what is known of their presence. */
import { Refused } from '../app/api.js';
import { h, replace } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { duration, hasText, number, t } from '../app/text.js';
import { confirm } from '../parts/dialog.js';
import { mark } from '../parts/mark.js';
import { facts } from '../parts/plain.js';
import { sinceText, watchMark } from '../parts/watching.js';

/** @typedef {import('../app/pages.js').App} App */

const AGAIN_S = 5;

/** @type {Object<string, import('../parts/icon.js').Mark>} */
const SHOWS = { available: 'ok', chat: 'ok', away: 'warning', xa: 'warning', dnd: 'failed', unavailable: 'idle' };

/** @param {string} name @param {string[]} columns @param {Element} body */
function table(name, columns, body) {
  return h('div', { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': name }, h('table', {},
    h('thead', {}, h('tr', {}, columns.map((text) => h('th', { scope: 'col' }, text)))), body));
}

/** The subscription of now, if there is one. @param {any} sub */
function nowText(sub) {
  if (!sub) {
    return t('contact.now.none');
  }
  const parts = [hasText(`subscription.${sub.state}`) ? t(`subscription.${sub.state}`) : sub.state];
  if (sub['expires-s'] !== null) {
    parts.push(t('contact.now.expires', { time: duration(sub['expires-s']) }));
  }
  if (sub['again-s'] !== null) {
    parts.push(t('contact.now.again', { time: duration(sub['again-s']) }));
  }
  return parts.join(', ');
}

/** @param {any} sub */
function noticeText(sub) {
  return sub?.['last-notice-s'] === null || sub?.['last-notice-s'] === undefined ? t('none')
    : t('contact.notices', { count: sub.notices, ago: duration(sub['last-notice-s']) });
}

/** One direction: who, whom, may he, since when, and what is there now. @param {any} item @param {any[]} subs */
function wayRows(item, subs) {
  return [['sip', item.sip, item.xmpp], ['xmpp', item.xmpp, item.sip]].map(([side, watcher, watched]) => {
    const of = subs.filter((sub) => sub.watcher === watcher && sub.watched === watched);
    return h('tr', {}, h('th', { scope: 'row' }, t('contact.way', { watcher, watched })),
      h('td', {}, watchMark(item[`${side}-watches`])), h('td', {}, sinceText(item[`${side}-since`])),
      h('td', {}, nowText(of[0]), of.length > 1 && ` (${number(of.length)})`), h('td', {}, noticeText(of[0])));
  });
}

/** @param {any} one */
function presenceRow(one) {
  return h('tr', {}, h('th', { scope: 'row' }, one.of),
    h('td', {}, mark(SHOWS[one.state] ?? 'note', t(`presence.${one.state}`))),
    h('td', {}, one.resource || t('none')), h('td', {}, one.note || t('none')));
}

/** What is there is drawn anew without moving what somebody reads. */
class Now {
  constructor() {
    this.ways = h('tbody');
    this.presence = h('tbody');
    this.known = table(t('contact.presence'), ['of', 'state', 'resource', 'note'].map((name) =>
      t(`presence.column.${name}`)), this.presence);
    this.unknown = h('p', { class: 'hint' }, t('contact.presence.none'));
    this.node = h('div', { class: 'stack' },
      h('section', {}, h('h2', {}, t('contact.ways')), table(t('contact.ways'),
        ['way', 'may', 'since', 'now', 'notice'].map((name) => t(`contact.column.${name}`)), this.ways)),
      h('section', {}, h('h2', {}, t('contact.presence')), this.unknown, this.known));
  }

  /** @param {any} item @param {{subscriptions: any[], presence: any[]}} now */
  show(item, now) {
    replace(this.ways, wayRows(item, now.subscriptions));
    replace(this.presence, now.presence.map(presenceRow));
    this.known.hidden = now.presence.length === 0;
    this.unknown.hidden = now.presence.length > 0;
  }
}

/** @param {App} app @param {any} item */
function refreshButton(app, item) {
  const refresh = async () => {
    const body = { sip: item.sip, xmpp: item.xmpp };
    const { json } = await app.api.ask('POST', '/v1/subscription/refresh', { body });
    app.say(t('contact.refreshed', { count: json.refreshed }));
  };
  return h('button', { type: 'button', on: { click: () => app.attempt(refresh) } }, t('contact.refresh'));
}

/** @param {App} app @param {any} item @param {boolean} both */
function removeButton(app, item, both) {
  const what = both ? 'both' : 'one';
  const remove = async () => {
    const sure = await confirm({ title: t(`contact.remove.${what}.title`), danger: true, action: t('remove.action'),
      text: t(`contact.remove.${what}.text`, { sip: item.sip, xmpp: item.xmpp }) });
    if (sure) {
      const query = { sip: item.sip, xmpp: item.xmpp, both: both ? 'yes' : '' };
      await app.api.ask('DELETE', '/v1/contact', { query });
      app.say(t('contact.removed'));
      if (both || item['xmpp-watches'] === 'no') {
        app.go(hrefOf(['contacts']));
      } else {
        app.again();
      }
    }
  };
  return h('button', { type: 'button', class: 'danger', on: { click: () => app.attempt(remove) } },
    t(`contact.remove.${what}`));
}

/** @param {App} app @param {any} item */
function actionsOf(app, item) {
  const watched = item['sip-watches'] !== 'no' || item.added;
  return [refreshButton(app, item), ...(app.api.may('administrator') ? [
    watched && removeButton(app, item, false), removeButton(app, item, true)] : [])].filter(Boolean);
}

/** @param {any} item */
function factsOf(item) {
  return facts([
    [t('contact.sip'), h('a', { href: hrefOf(['effective'], { user: item.sip, with: item.xmpp }) }, item.sip)],
    [t('contact.xmpp'), item.xmpp],
    [t('contact.partner'), item.partner ? h('a', { href: hrefOf(['partners', item.partner]) }, item.partner)
      : t('contact.unlisted')],
    [t('contact.added'), t(item.added ? 'yes' : 'no')]]);
}

/**
 * @param {App} app
 * @param {import('../app/pages.js').PagePlace} place
 * @returns {Promise<import('../app/pages.js').Page>}
 */
export async function open(app, place) {
  const query = { sip: place.values.sip, xmpp: place.values.xmpp };
  const look = async (quiet = true) => (await app.api.get('/v1/contact', { quiet, query })).json;
  const nowOf = async () => {
    try {
      return (await app.api.get('/v1/subscription', { quiet: true, query })).json;
    } catch (error) {
      if (!(error instanceof Refused) || error.status < 400 || error.status >= 500) {
        throw error;
      }
      return { subscriptions: [], presence: [] }; // nobody watches at this moment
    }
  };
  const now = new Now();
  const item = await look(false);
  now.show(item, await nowOf());
  const end = app.every(AGAIN_S, async () => now.show(await look(), await nowOf()));
  return {
    title: t('contact.title', query),
    up: hrefOf(['contacts']),
    upTitle: t('nav.contacts'),
    actions: actionsOf(app, item),
    content: [factsOf(item), now.node],
    close: end,
  };
}
