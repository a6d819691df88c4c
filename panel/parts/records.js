// @ts-check
/** DNS records to publish, by domain: each to be copied, all of them to be saved as lines of a zone file. */
import { h, newId, replace } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { t } from '../app/text.js';
import { icon } from './icon.js';
import { mark, notice } from './mark.js';
import { labelled } from './plain.js';
import { copyButton, copyOf, save } from './textblock.js';

/**
 * As the gateway proposes it; domain "": of the servers that all the others lead to.
 * @typedef {{domain: string, name: string, type: string, ttl: number, data: string, line: string, optional: boolean,
 *   why: string}} Item
 */

const PAGE = 20; // domains
const MOST = 500; // that can be asked for by name
const SETTLE_MS = 250;
const TTL = 3600;

/** What each record is there for, by its type and the beginning of its name. @param {Item} item */
function whyOf(item) {
  const service = item.type === 'SRV' ? item.name.split('.')[0].slice(1) : '';
  switch (service || item.type) {
    case 'xmpp-server': return t('dns.why.xmpp-server');
    case 'xmpps-server': return t('dns.why.xmpps-server');
    case 'sipfederationtls': return t('dns.why.sipfederationtls');
    case 'sips': return t('dns.why.sips');
    case 'A':
    case 'AAAA': return t('dns.why.address');
    case 'TLSA': return t('dns.why.tlsa');
    case 'CAA': return t('dns.why.caa');
    default: return item.why;
  }
}

/** As lines of a zone file, with what they are for as comments. @param {Item[]} items */
function zoneText(items) {
  const lines = items.map((item, i) => {
    const before = items[i - 1];
    const isNew = item.domain !== before?.domain || item.why !== before.why;
    const comment = `${item.domain && `${item.domain}: `}${item.why}${item.optional ? ' (optional)' : ''}`;
    return `${isNew ? `${before ? '\n' : ''}; ${comment}\n` : ''}${item.line}\n`;
  });
  return lines.join('');
}

export class Records {
  /** @param {import('../app/pages.js').App} app @param {URLSearchParams} query */
  constructor(app, query) {
    this.app = app;
    this.offset = 0;
    this.turn = 0;
    this.total = 0;
    /** @type {Item[]} */
    this.items = [];
    this.search = h('input', { id: newId(), type: 'search', value: query.get('search') ?? '', spellcheck: 'false',
      autocomplete: 'off', placeholder: t('dns.search') });
    this.ttl = h('input', { type: 'number', class: 'short', min: 1, max: 604800, value: TTL, required: true });
    this.status = h('p', { class: 'hint', role: 'status' });
    this.body = h('div', { class: 'stack' });
    this.pager = h('nav', { class: 'pager', 'aria-label': t('pager.label') });
    this.listen();
    this.node = h('div', { class: 'records' }, this.toolbar(), this.status, this.body, this.pager);
  }

  listen() {
    let timer = 0;
    const soon = () => {
      clearTimeout(timer);
      timer = window.setTimeout(() => {
        this.offset = 0;
        this.app.attempt(() => this.refresh());
      }, SETTLE_MS);
    };
    this.search.addEventListener('input', soon);
    this.ttl.addEventListener('input', () => this.ttl.checkValidity() && soon());
  }

  toolbar() {
    const button = (/** @type {string} */ label, /** @type {(text: string) => any} */ use) => {
      const run = () => this.app.attempt(async () => use(zoneText(await this.all())));
      return h('button', { type: 'button', on: { click: run } }, label);
    };
    return h('div', { class: 'stack' },
      h('div', { class: 'toolbar', role: 'search' },
        h('label', { for: this.search.id }, icon('search'), h('span', { class: 'unseen' }, t('search'))), this.search),
      labelled(t('dns.ttl'), this.ttl, t('dns.ttl.hint')),
      h('div', { class: 'actions' },
        button(t('dns.copy.all'), (text) => this.copyAll(text)),
        button(t('dns.save'), (text) => save('stox.zone', text))));
  }

  /** @param {string} text */
  copyAll(text) {
    return copyOf(this.app, () => {
      const block = h('pre', { class: 'block', tabindex: '-1' }, text);
      this.body.prepend(block);
      return block;
    }, text);
  }

  /** @param {string[]} [domains] without it of all */
  async ask(domains) {
    const query = { ttl: this.ttl.checkValidity() ? this.ttl.value : TTL, domains: domains?.join(',') };
    return (await this.app.api.get('/v1/dns/records', { query })).json;
  }

  /** @param {number} offset @param {number} limit */
  async domains(offset, limit) {
    const query = { search: this.search.value.trim(), offset, limit };
    return (await this.app.api.get('/v1/domains', { query })).json;
  }

  /** Those of all pages. @returns {Promise<Item[]>} */
  async all() {
    if (this.total <= PAGE) {
      return this.items;
    }
    const found = this.search.value.trim() ? await this.domains(0, MOST) : null;
    return (await this.ask(found?.items.map((/** @type {any} */ one) => one.name))).items;
  }

  async refresh() {
    const turn = ++this.turn;
    const { items: domains, total } = await this.domains(this.offset, PAGE);
    const answer = domains.length > 0 ? await this.ask(domains.map((/** @type {any} */ one) => one.name))
      : { items: [], notes: [] };
    if (turn !== this.turn) {
      return;
    }
    this.items = answer.items;
    this.total = total;
    this.draw(answer.notes);
  }

  /** @param {any[]} notes */
  draw(notes) {
    const owners = [...new Set(this.items.map((item) => item.domain))];
    replace(this.status, this.total > 0 && t('dns.count', { count: this.total, records: this.items.length }));
    replace(this.body, owners.map((owner) => this.table(owner)),
      notes.map((one) => notice(one.mark, h('p', { lang: 'en' }, one.text),
        one.remedy && h('p', { lang: 'en' }, one.remedy), one.line && h('p', { class: 'code' }, one.line))),
      this.total === 0 && this.nothing());
    this.drawPager();
  }

  nothing() {
    return h('div', { class: 'empty' }, this.search.value.trim() ? h('p', {}, t('list.nothing'))
      : h('p', {}, t('empty.domains'), ' ', h('a', { href: hrefOf(['domains']) }, t('nav.domains'))));
  }

  /** @param {string} owner a domain; "": what they lead to */
  table(owner) {
    const id = newId();
    const columns = ['name', 'type', 'ttl', 'data', 'why'];
    return h('div', { class: 'owner' }, h('h3', { id }, owner || t('dns.hosts')),
      h('div', { class: 'scroll', role: 'region', tabindex: '0', 'aria-labelledby': id }, h('table', { class: 'grid' },
        h('thead', {}, h('tr', {}, columns.map((name) => h('th', { scope: 'col' }, t(`dns.column.${name}`))),
          h('th', { scope: 'col' }, h('span', { class: 'unseen' }, t('copy'))))),
        h('tbody', {}, this.items.filter((item) => item.domain === owner).map((item) => this.row(item))))));
  }

  /** @param {Item} item */
  row(item) {
    return h('tr', {}, h('th', { scope: 'row' }, h('code', {}, item.name)), h('td', { class: 'type' }, item.type),
      h('td', { class: 'number' }, item.ttl), h('td', { class: 'data' }, h('code', {}, item.data)),
      h('td', { class: 'why' }, item.optional && mark('note', t('dns.optional')), h('p', {}, whyOf(item))),
      h('td', {}, copyButton(this.app, `${item.name} ${item.type}`, item.line)));
  }

  drawPager() {
    const step = (/** @type {number} */ to, /** @type {string} */ text) => h('button', { type: 'button',
      disabled: to < 0 || to >= this.total, on: { click: () => this.turnTo(to) } }, text);
    replace(this.pager, this.total > PAGE && [step(this.offset === 0 ? -1 : this.offset - PAGE, t('pager.back')),
      step(this.offset + PAGE, t('pager.next'))]);
  }

  /** @param {number} offset */
  async turnTo(offset) {
    this.offset = offset;
    await this.app.attempt(() => this.refresh());
    /** @type {HTMLElement | null} */ (this.body.querySelector('.scroll'))?.focus();
  }
}
