// @ts-check
/** What the page of a partner has besides its settings: how it is, and a test of the connection. */
import { path } from '../app/api.js';
import { h, replace } from '../app/dom.js';
import { duration, number, t } from '../app/text.js';
import { Ladder } from '../parts/ladder.js';
import { mark, notice } from '../parts/mark.js';
import { matrixPart } from '../parts/matrix.js';

/** @typedef {import('../app/pages.js').App} App */

const LOOK_MS = 300;

/** @param {App} app */
export async function beside(app) {
  return { negotiation: await matrixPart(app) };
}

/** @param {any} stream */
function streamRow(stream) {
  return h('tr', {}, h('th', { scope: 'row' }, t(`direction.${stream.direction}`)),
    h('td', {}, stream.authenticated ? mark('ok', t('stream.ready')) : mark('busy', stream.state)),
    h('td', {}, stream.address), h('td', {}, stream.method), h('td', {}, stream.tls || t('stream.clear')),
    h('td', { class: 'number' }, duration(stream['age-s'])),
    h('td', { class: 'number' }, number(stream['stanzas-in'])),
    h('td', { class: 'number' }, number(stream['stanzas-out'])));
}

/** @param {Element} body */
function streamTable(body) {
  const columns = ['direction', 'state', 'address', 'method', 'tls', 'age', 'in', 'out'];
  return h('div', { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': t('streams.title') }, h('table', {},
    h('thead', {}, h('tr', {}, columns.map((name, i) =>
      h('th', { scope: 'col', class: i > 4 ? 'number' : null }, t(`stream.${name}`))))),
    body));
}

/** The set-up that failed last, if nothing has worked since. @param {any} status */
function lastFailure({ streams, failed }) {
  const ages = streams.filter((/** @type {any} */ one) => one.authenticated)
    .map((/** @type {any} */ one) => one['age-s']);
  return failed.reduce((/** @type {any} */ best, /** @type {any} */ one) =>
    (one['age-s'] < (best?.['age-s'] ?? Math.min(...ages)) ? one : best), null);
}

/** Streams and the last failure, kept up to date without moving what somebody has opened. */
class Status {
  constructor() {
    this.failure = h('div');
    this.ago = h('b');
    this.shown = '';
    this.body = h('tbody');
    this.table = streamTable(this.body);
    this.none = h('p', { class: 'hint' }, t('streams.none'));
    this.node = h('div', { class: 'stack' }, this.failure, this.none, this.table);
  }

  /** @param {any} status */
  show(status) {
    const last = lastFailure(status);
    const key = last ? JSON.stringify({ ...last, 'age-s': 0 }) : '';
    replace(this.ago, last && t(`failed.${last.direction}`, { ago: duration(last['age-s']) }));
    if (key !== this.shown) {
      this.shown = key;
      replace(this.failure, last && this.failureOf(last));
    }
    this.table.hidden = status.streams.length === 0;
    this.none.hidden = status.streams.length > 0 || Boolean(last);
    replace(this.body, status.streams.map(streamRow));
  }

  /** @param {any} last */
  failureOf(last) {
    const ladder = new Ladder(t('ladder.label'));
    ladder.show(last.steps);
    return notice('failed', h('p', {}, this.ago, ' ', h('span', { lang: 'en' }, last.why)),
      h('details', {}, h('summary', {}, t('ladder.show')), ladder.node));
  }
}

/** @param {App} app @param {string} name */
function testPart(app, name) {
  const ladder = new Ladder(t('ladder.label'));
  const verdict = h('div', { role: 'status' });
  const button = h('button', { type: 'button' }, t('test.action'));
  const run = async () => {
    replace(verdict, h('p', { class: 'hint' }, t('test.runs')));
    ladder.show([]);
    const { id } = (await app.api.ask('POST', path('partners', name, 'test'), { body: {} })).json;
    for (;;) {
      const { json } = await app.api.get(path('partners', name, 'test', String(id)));
      ladder.show(json.steps);
      if (json.done) {
        replace(verdict, notice(json.works ? 'ok' : 'failed', h('p', { lang: 'en' }, json.verdict)));
        return;
      }
      if (!button.isConnected) {
        return; // somebody has left
      }
      await new Promise((resolve) => {
        setTimeout(resolve, LOOK_MS);
      });
    }
  };
  button.addEventListener('click', async () => {
    if (button.getAttribute('aria-disabled') !== 'true') {
      button.setAttribute('aria-disabled', 'true');
      await app.attempt(run);
      button.removeAttribute('aria-disabled');
    }
  });
  return h('div', { class: 'test' }, app.api.may('helpdesk') && button, verdict, ladder.node);
}

/** @param {App} app @param {string} name */
export async function above(app, name) {
  const status = new Status();
  const refresh = async () => status.show((await app.api.get(path('partners', name, 'status'), { quiet: true })).json);
  await refresh();
  const ends = [app.every(5, refresh), app.live.on('partners', () => app.attempt(refresh))];
  return {
    nodes: [h('section', {}, h('h2', {}, t('partner.now')), status.node, testPart(app, name))],
    close: () => ends.forEach((end) => end()),
  };
}
