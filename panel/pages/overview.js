// @ts-check
/** Are we serving, and if not, why? Each figure leads to what it counts. */
import { h, replace } from '../app/dom.js';
import { PAGES } from '../app/pages.js';
import { hrefOf } from '../app/router.js';
import { number, t, timeOfDay } from '../app/text.js';
import { chart, grouped } from '../parts/chart.js';
import { mark, notice } from '../parts/mark.js';

/** @typedef {import('../app/pages.js').App} App */
/** @typedef {import('../app/dom.js').Child} Child */

const HOUR = 60;
const DAY = 1440;
const LOOK_MS = 500;

/** The address of a page, if there is one. @param {string} name @param {Object<string, string>} [query] */
const hrefTo = (name, query) => (PAGES.some((row) => row.path === name) ? hrefOf([name], query) : undefined);

/**
 * A figure with what it is about.
 * @param {string} title
 * @param {Child} value
 * @param {Child} detail
 * @param {string} [href]
 */
function tile(title, value, detail, href) {
  const name = href ? h('a', { href }, title) : title;
  return h('div', { class: 'tile' }, h('dt', {}, name), h('dd', {}, h('p', { class: 'value' }, value),
    detail && h('p', { class: 'hint' }, detail)));
}

/** @param {any} service @param {any} status */
function servingTile(service, status) {
  const { configuration } = status;
  const domains = configuration['sip-domains'];
  const title = t('overview.serving');
  const warn = (/** @type {string} */ text, /** @type {string} */ hint, /** @type {string} */ page) =>
    tile(title, mark('warning', text), hint, hrefTo(page));
  if (service.state !== 'serving') {
    return warn(t(`service.${service.state}`), t('service.why'), 'gateway');
  }
  if (domains === 0) {
    return warn(t('service.nobody'), t('service.nobody.hint'), 'domains');
  }
  return configuration.federation
    ? tile(title, mark('ok', t('service.serving')), t('service.domains', { count: domains }), hrefTo('domains'))
    : warn(t('service.closed'), t('service.closed.hint'), 'org');
}

/** @param {any} partners @param {any} status */
function partnersTile(partners, status) {
  const all = t('overview.partners.all', { count: status.configuration.partners });
  return partners.failing > 0
    ? tile(t('nav.partners'), mark('failed', t('overview.failing', { count: partners.failing })), all,
      hrefTo('partners', { state: 'failing' }))
    : tile(t('nav.partners'), mark('ok', t('overview.connected', { count: partners.connected })), all,
      hrefTo('partners'));
}

/** @param {any} status */
function certificateTile({ certificates }) {
  const next = certificates?.next;
  const href = hrefTo('certificates') ?? hrefTo('domains');
  if (!next) {
    return tile(t('overview.certificate'), mark('note', t('overview.certificate.none')),
      t('overview.certificate.hint'), href);
  }
  const days = next['days-left'];
  return tile(t('overview.certificate'), mark(days < 7 ? 'failed' : days < 30 ? 'warning' : 'ok',
    t('overview.days', { count: days })), t('overview.certificate.next', { name: next.certificate }), href);
}

/** @param {any} status */
function storeTile({ store }) {
  return store['takes-changes']
    ? tile(t('overview.store'), mark('ok', store.engine), t('overview.store.takes', { n: store.change }),
      hrefTo('audit') ?? hrefTo('gateway'))
    : tile(t('overview.store'), mark('failed', t('overview.store.away')), h('span', { lang: 'en' }, store['why-not']),
      hrefTo('gateway'));
}

/** @param {{status: any, partners: any, service: any, history: any}} now */
function tiles({ status, partners, service, history }) {
  const sum = (/** @type {number[]} */ values) => values.reduce((a, b) => a + b, 0);
  const last = (/** @type {number[]} */ values) => values.at(-2) ?? values.at(-1) ?? 0;
  const failed = sum(history.failed.slice(-HOUR));
  const conversations = hrefTo('conversations') ?? hrefTo('partners');
  return [
    servingTile(service, status),
    partnersTile(partners, status),
    tile(t('overview.streams'), number(status.streams.in + status.streams.out),
      t('overview.streams.detail', { in: status.streams.in, out: status.streams.out, set: status.streams.negotiating }),
      hrefTo('streams') ?? hrefTo('partners', { state: 'connected' })),
    tile(t('overview.messages'), number(last(history['to-xmpp']) + last(history['to-sip'])),
      t('overview.messages.detail', { xmpp: last(history['to-xmpp']), sip: last(history['to-sip']) }), conversations),
    tile(t('overview.failures'), failed ? mark('warning', number(failed)) : mark('ok', t('overview.failures.none')),
      t('overview.failures.detail'), conversations),
    tile(t('overview.waiting'), number(status.messages.held + status.messages.queued),
      t('overview.waiting.detail', { xmpp: status.messages.held, sip: status.messages.queued }),
      hrefTo('queue') ?? conversations),
    certificateTile(status),
    storeTile(status),
  ];
}

/** @param {any} history of a day @param {number} minutes */
function charts(history, minutes) {
  const step = minutes === HOUR ? 1 : 10;
  const cut = (/** @type {string} */ name) => grouped(history[name].slice(-minutes - 1), step);
  const sum = (/** @type {string} */ name) => history[name].slice(-minutes - 1)
    .reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b, 0);
  const span = t(minutes === HOUR ? 'chart.hour' : 'chart.day');
  const common = { room: minutes / step + 1, from: timeOfDay((history.now - minutes * 60) * 1000) };
  const streams = history.streams.slice(-minutes - 1);
  return [chart({ ...common, title: t(step === 1 ? 'chart.messages' : 'chart.messages.ten'), series: [
    { name: t('chart.to-xmpp'), stroke: 'one', values: cut('to-xmpp') },
    { name: t('chart.to-sip'), stroke: 'two', values: cut('to-sip') },
    { name: t('chart.failed'), stroke: 'bad', values: cut('failed') }],
  says: t('chart.messages.says', { span, xmpp: sum('to-xmpp'), sip: sum('to-sip'), failed: sum('failed') }) }),
  chart({ ...common, room: minutes + 1, title: t('chart.streams'),
    series: [{ name: t('chart.open'), stroke: 'one', values: streams }],
    says: t('chart.streams.says', { span, now: streams.at(-1), most: Math.max(...streams) }) })];
}

/** @param {App} app */
function dnsPart(app) {
  const says = h('div', { class: 'stack', role: 'status' }, h('p', { class: 'hint' }, t('overview.dns.hint')));
  const button = h('button', { type: 'button' }, t('overview.dns.check'));
  const run = async () => {
    replace(says, h('p', { class: 'hint' }, t('overview.dns.runs')));
    const { id } = (await app.api.ask('POST', '/v1/checks', { body: { what: 'dns' } })).json;
    let check = { done: false };
    while (!check.done && button.isConnected) {
      await new Promise((resolve) => {
        setTimeout(resolve, LOOK_MS);
      });
      check = (await app.api.get(`/v1/checks/${id}`)).json;
    }
    replace(says, findings(check));
  };
  button.addEventListener('click', async () => {
    if (button.getAttribute('aria-disabled') !== 'true') {
      button.setAttribute('aria-disabled', 'true');
      await app.attempt(run);
      button.removeAttribute('aria-disabled');
    }
  });
  return h('section', {}, h('h2', {}, t('overview.dns')), says,
    app.api.may('helpdesk') && h('p', { class: 'after' }, button));
}

/** @param {any} check */
function findings(check) {
  const bad = (check.findings ?? []).filter((/** @type {any} */ one) => ['failed', 'warning'].includes(one.mark));
  return [notice(check.works ? 'ok' : 'failed', h('p', { lang: 'en' }, check.verdict)),
    ...bad.map((/** @type {any} */ one) => notice(one.mark,
      h('p', { lang: 'en' }, one.about && h('b', {}, one.about, ': '), one.text),
      one.remedy && h('p', { lang: 'en' }, one.remedy), one.line && h('p', { class: 'code' }, one.line)))];
}

/** Last hour or day. @param {(minutes: number) => void} choose */
function spanChoice(choose) {
  const buttons = [HOUR, DAY].map((minutes) => h('button', { type: 'button', 'aria-pressed': String(minutes === HOUR),
    on: { click: () => {
      buttons.forEach((one, i) => one.setAttribute('aria-pressed', String([HOUR, DAY][i] === minutes)));
      choose(minutes);
    } } }, t(minutes === HOUR ? 'chart.hour' : 'chart.day')));
  return h('div', { class: 'choice', role: 'group', 'aria-label': t('chart.span') }, buttons);
}

/** @param {App} app @returns {Promise<import('../app/pages.js').Page>} */
export async function open(app) {
  const grid = h('dl', { class: 'tiles' });
  const plots = h('div', { class: 'charts' });
  const now = /** @type {any} */ ({ partners: app.live.known('partners') ?? { connected: 0, failing: 0 } });
  let minutes = HOUR;
  const draw = () => {
    const at = [...grid.querySelectorAll('a')].indexOf(document.activeElement);
    replace(grid, tiles(now));
    grid.querySelectorAll('a')[at]?.focus();
  };
  const look = async () => {
    const [status, service, history] = await Promise.all([app.api.get('/v1/status', { quiet: true }),
      app.api.get('/v1/service', { quiet: true }),
      app.api.get('/v1/history', { quiet: true, query: { minutes: DAY } })]);
    Object.assign(now, { status: status.json, service: service.json, history: history.json });
    draw();
    replace(plots, charts(now.history, minutes));
  };
  await look();
  const show = (/** @type {number} */ chosen) => {
    minutes = chosen;
    replace(plots, charts(now.history, minutes));
  };
  const take = (/** @type {string} */ topic) => app.live.on(topic, (data) => {
    now[topic] = data;
    draw();
  });
  const ends = [app.every(10, look), take('partners'), take('status')];
  return {
    title: t('nav.overview'),
    content: [grid, h('section', {},
      h('div', { class: 'head' }, h('h2', {}, t('overview.passing')), spanChoice(show)), plots), dnsPart(app)],
    close: () => ends.forEach((end) => end()),
  };
}
