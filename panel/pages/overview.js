// @ts-check
/** Are we serving, and if not, why? Each figure leads to what it counts. */
import { h, replace } from '../app/dom.js';
import { hrefTo } from '../app/pages.js';
import { moment, number, t, timeOfDay } from '../app/text.js';
import { chart, grouped } from '../parts/chart.js';
import { mark } from '../parts/mark.js';
import { verdictMark } from '../parts/verdict.js';

/** @typedef {import('../app/pages.js').App} App */
/** @typedef {import('../app/dom.js').Child} Child */

const HOUR = 60;
const DAY = 1440;
const SETTLE_MS = 2000;

/** @typedef {(page: string, query?: Object<string, string>) => string | undefined} To see hrefTo */

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

/** @param {any} service @param {any} status @param {To} to */
function servingTile(service, status, to) {
  const { configuration } = status;
  const domains = configuration['sip-domains'];
  const title = t('overview.serving');
  const warn = (/** @type {string} */ text, /** @type {string} */ hint, /** @type {string} */ page) =>
    tile(title, mark('warning', text), hint, to(page));
  if (service.state !== 'serving') {
    return warn(t(`service.${service.state}`), t('service.why'), 'gateway');
  }
  if (domains === 0) {
    return warn(t('service.nobody'), t('service.nobody.hint'), 'domains');
  }
  return configuration.federation
    ? tile(title, mark('ok', t('service.serving')), t('service.domains', { count: domains }), to('domains'))
    : warn(t('service.closed'), t('service.closed.hint'), 'org');
}

/** @param {any} partners @param {any} status @param {To} to */
function partnersTile(partners, status, to) {
  const all = t('overview.partners.all', { count: status.configuration.partners });
  return partners.failing > 0
    ? tile(t('nav.partners'), mark('failed', t('overview.failing', { count: partners.failing })), all,
      to('partners', { state: 'failing' }))
    : tile(t('nav.partners'), mark('ok', t('overview.connected', { count: partners.connected })), all,
      to('partners'));
}

/** @param {any} status @param {To} to */
function certificateTile({ certificates }, to) {
  const next = certificates?.next;
  const href = to('certificates');
  if (!next) {
    return tile(t('overview.certificate'), mark('note', t('overview.certificate.none')),
      t('overview.certificate.hint'), href);
  }
  const days = next['days-left'];
  return tile(t('overview.certificate'), mark(days < 7 ? 'failed' : days < 30 ? 'warning' : 'ok',
    t('overview.days', { count: days })), t('overview.certificate.next', { name: next.certificate }), href);
}

/** @param {any} status @param {To} to */
function dnsTile({ checks }, to) {
  const last = checks?.dns;
  return tile(t('nav.dns'), verdictMark(last), last ? t('verdict.at', { at: moment(last.at) }) : t('verdict.none.hint'),
    to('dns'));
}

/** @param {any} status @param {To} to */
function storeTile({ store }, to) {
  return store['takes-changes']
    ? tile(t('overview.store'), mark('ok', store.engine), t('overview.store.takes', { n: store.change }),
      to('audit') ?? to('gateway'))
    : tile(t('overview.store'), mark('failed', t('overview.store.away')), h('span', { lang: 'en' }, store['why-not']),
      to('gateway'));
}

/** @param {{status: any, partners: any, service: any, history: any}} now @param {To} to */
function tiles({ status, partners, service, history }, to) {
  const sum = (/** @type {number[]} */ values) => values.reduce((a, b) => a + b, 0);
  const last = (/** @type {number[]} */ values) => values.at(-2) ?? values.at(-1) ?? 0;
  const failed = sum(history.failed.slice(-HOUR));
  return [
    servingTile(service, status, to),
    partnersTile(partners, status, to),
    tile(t('overview.streams'), number(status.streams.in + status.streams.out),
      t('overview.streams.detail', { in: status.streams.in, out: status.streams.out, set: status.streams.negotiating }),
      to('streams')),
    tile(t('overview.messages'), number(last(history['to-xmpp']) + last(history['to-sip'])),
      t('overview.messages.detail', { xmpp: last(history['to-xmpp']), sip: last(history['to-sip']) }),
      to('conversations')),
    tile(t('overview.failures'), failed ? mark('warning', number(failed)) : mark('ok', t('overview.failures.none')),
      t('overview.failures.detail'), to('conversations', failed ? { state: 'failed' } : {})),
    tile(t('overview.waiting'), number(status.messages.held + status.messages.queued),
      t('overview.waiting.detail', { xmpp: status.messages.held, sip: status.messages.queued }),
      to('queue')),
    certificateTile(status, to),
    dnsTile(status, to),
    storeTile(status, to),
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
    replace(grid, tiles(now, (page, query) => hrefTo(app.api, page, query)));
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
  let timer = 0;
  /** Minutes are asked for, not told: soon after messages have been counted. @param {any} status */
  const lookSoon = (status) => {
    if (!timer && JSON.stringify(status.messages) !== JSON.stringify(now.status.messages)) {
      timer = window.setTimeout(() => {
        timer = 0;
        app.attempt(look);
      }, SETTLE_MS);
    }
  };
  const show = (/** @type {number} */ chosen) => {
    minutes = chosen;
    replace(plots, charts(now.history, minutes));
  };
  const take = (/** @type {string} */ topic) => app.live.on(topic, (data) => {
    topic === 'status' && lookSoon(data);
    now[topic] = data;
    draw();
  });
  const ends = [app.every(10, look), take('partners'), take('status'), () => clearTimeout(timer)];
  return {
    title: t('nav.overview'),
    content: [grid, h('section', {},
      h('div', { class: 'head' }, h('h2', {}, t('overview.passing')), spanChoice(show)), plots)],
    close: () => ends.forEach((end) => end()),
  };
}
