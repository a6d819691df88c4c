// @ts-check
/** What passed between two people, each way, and how the last message ended. */
import { path, Refused } from '../app/api.js';
import { h } from '../app/dom.js';
import { hrefTo } from '../app/pages.js';
import { hrefOf } from '../app/router.js';
import { moment, number, t } from '../app/text.js';
import { outcomeMark } from '../parts/outcome.js';
import { Part } from '../parts/part.js';
import { facts } from '../parts/plain.js';

/** @typedef {import('../app/pages.js').App} App */

/** @param {string | null} when */
const time = (when) => when && moment(when);

/** @param {any} talk */
function aboutOf(talk) {
  return facts([
    [t('talk.sip'), talk.sip], [t('talk.xmpp'), talk.xmpp],
    [t('talk.partner'), talk.partner && h('a', { href: hrefOf(['partners', talk.partner]) }, talk.partner)],
    [t('talk.route'), talk.route && h('a', { href: hrefOf(['routes', talk.route]) }, talk.route)],
    [t('talk.mode'), t(`talk.mode.${talk.mode}`)], [t('talk.since'), time(talk.since)],
    [t('talk.active'), time(talk.active)], [t('talk.id'), h('code', {}, talk.id)]]);
}

/** @param {any} way */
function wayOf(way) {
  if (way.messages === 0) {
    return h('p', { class: 'hint' }, t('talk.way.none'));
  }
  return facts([
    [t('talk.messages'), number(way.messages)], [t('talk.arrived'), number(way.delivered)],
    [t('talk.failed'), number(way.failed)], [t('talk.came'), time(way['last-came'])],
    [t('talk.ended'), time(way['last-ended'])],
    [t('talk.last'), outcomeMark(way.outcome, way.status, way.condition)],
    [t('talk.why'), way.why && h('span', { lang: 'en' }, way.why)]]);
}

/** @param {any} bounced */
function bouncedOf(bounced) {
  return bounced.messages > 0 && h('section', {}, h('h2', {}, t('talk.bounced')),
    h('p', { class: 'hint' }, t('talk.bounced.about')), facts([[t('talk.messages'), number(bounced.messages)],
      [t('talk.bounced.last'), time(bounced.last)], [t('talk.condition'), h('code', {}, bounced.condition)]]));
}

/** Where to look on. @param {App} app @param {any} talk */
function leads(app, talk) {
  const to = (/** @type {string} */ page, /** @type {Object<string, string>} */ query, /** @type {string} */ text) => {
    const href = hrefTo(app.api, page, query);
    return href && h('a', { href }, text);
  };
  return h('p', { class: 'actions' },
    [talk.sip, talk.xmpp].map((user) => to('trace', { user }, t('talk.trace', { user }))),
    to('queue', { user: talk.sip, partner: talk.partner }, t('talk.queue')));
}

/**
 * @param {App} app
 * @param {import('../app/pages.js').PagePlace} place
 * @returns {Promise<import('../app/pages.js').Page>}
 */
export async function open(app, place) {
  const where = path('conversations', place.values.id);
  const common = { up: hrefOf(['conversations']), upTitle: t('nav.conversations') };
  const first = await app.api.get(where).then((answer) => answer.json, (error) => {
    if (error instanceof Refused && error.status === 404) {
      return null;
    }
    throw error;
  });
  if (!first) {
    return { ...common, title: t('talk.gone'), content: [h('p', {}, t('talk.gone.text'))] };
  }
  const parts = { about: new Part(aboutOf), out: new Part(wayOf), back: new Part(wayOf), bounced: new Part(bouncedOf) };
  const show = (/** @type {any} */ talk) => {
    parts.about.show(talk);
    parts.out.show(talk['sip-to-xmpp']);
    parts.back.show(talk['xmpp-to-sip']);
    parts.bounced.show(talk['bounced-late']);
  };
  const look = async () => show((await app.api.get(where, { quiet: true })).json);
  const ends = [app.every(5, look), app.live.on('status', () => app.attempt(look))];
  show(first);
  return {
    ...common,
    title: t('talk.title', { sip: first.sip, xmpp: first.xmpp }),
    content: [parts.about.node, leads(app, first), h('div', { class: 'ways' },
      h('section', {}, h('h2', {}, t('talk.to-xmpp')), parts.out.node),
      h('section', {}, h('h2', {}, t('talk.to-sip')), parts.back.node)), parts.bounced.node],
    close: () => ends.forEach((end) => end()),
  };
}
