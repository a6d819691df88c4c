// @ts-check
/** The audit: who changed what, newest first, found by person, means, object, time and text. */
import { Refused } from '../app/api.js';
import { h, replace } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { t } from '../app/text.js';
import { auditEntry, AUDITED, auditedKinds } from '../parts/audit.js';
import { icon } from '../parts/icon.js';
import { notice } from '../parts/mark.js';
import { choiceOf, labelled, textInput } from '../parts/plain.js';

const PAGE = 50;
const LOOKS = 25; // requests for one page: each looks at 20,000 entries for those that fit
const SETTLE_MS = 300;
const WIDE = '(min-width: 48rem)'; // there is room for all filters
const FIELDS = ['search', 'who', 'by', 'kind', 'name', 'since', 'until'];

/**
 * @typedef {import('../app/pages.js').App} App
 * @typedef {import('../parts/audit.js').Entry} Entry
 * @typedef {{before: number, line: number | null}} From where a page begins: the entries behind this one
 */

/** @param {URLSearchParams} query @param {() => void} changed */
function filterBar(query, changed) {
  const given = (/** @type {string} */ name) => query.get(name) ?? '';
  const kinds = AUDITED.map((kind) => /** @type {[string, string]} */ ([kind, t(`audit.kind.${kind}`)]))
    .sort(([, a], [, b]) => a.localeCompare(b));
  const means = ['session', 'token', 'socket', 'gateway'].map((by) =>
    /** @type {[string, string]} */ ([by, t(`audit.means.${by}`)]));
  /** @type {Object<string, any>} */
  const controls = {
    search: h('input', { type: 'search', value: given('search'), spellcheck: 'false', autocomplete: 'off' }),
    who: textInput({ value: given('who') }),
    by: choiceOf([['', t('audit.any')], ...means], given('by')),
    kind: choiceOf([['', t('audit.any')], ...kinds], given('kind')),
    name: textInput({ value: given('name') }),
    since: h('input', { type: 'datetime-local', value: given('since') }),
    until: h('input', { type: 'datetime-local', value: given('until') }),
  };
  let timer = 0;
  for (const control of Object.values(controls)) {
    control.addEventListener('input', () => {
      clearTimeout(timer);
      timer = window.setTimeout(changed, SETTLE_MS);
    });
  }
  const fieldsOf = (/** @type {string[]} */ names) => h('div', { class: 'filters' },
    names.map((name) => labelled(t(`audit.filter.${name}`), controls[name])));
  const rest = FIELDS.slice(2);
  const isOpen = matchMedia(WIDE).matches || rest.some((name) => given(name) !== '');
  return { node: h('div', { role: 'search', 'aria-label': t('audit.filters') }, fieldsOf(FIELDS.slice(0, 2)),
    h('details', { open: isOpen }, h('summary', {}, t('audit.filters.more')), fieldsOf(rest))),
  read: () => Object.fromEntries(FIELDS.map((name) => [name, controls[name].value.trim()])),
  clear: () => Object.values(controls).forEach((control) => {
    control.value = '';
  }) };
}

/** A moment as people here write it, for the API. @param {string} local */
function utc(local) {
  const at = new Date(local);
  return local && !Number.isNaN(at.getTime()) ? at.toISOString() : '';
}

class Log {
  /** @param {App} app @param {Map<string, import('../app/schema.js').Kind>} kinds @param {URLSearchParams} query */
  constructor(app, kinds, query) {
    this.app = app;
    this.kinds = kinds;
    this.turn = 0;
    const before = Number(query.get('before')) || 0;
    const line = Number(query.get('line')) || 0;
    /** The pages gone through, the last one shown; the first one is the newest. @type {(From | null)[]} */
    this.way = before ? [null, { before, line }] : [null];
    /** @type {From | null} */
    this.next = null;
    this.bar = filterBar(query, () => this.anew());
    this.status = h('p', { class: 'hint', role: 'status' });
    this.list = h('ol', { class: 'audit', 'aria-label': t('nav.audit'), tabindex: '-1' });
    this.nothing = h('div', { class: 'empty' });
    this.pager = h('nav', { class: 'pager', 'aria-label': t('pager.label') });
    this.nodes = [this.bar.node, this.status, this.list, this.nothing, this.pager];
  }

  anew() {
    this.way = [null];
    return this.refresh(false);
  }

  isNewest() {
    return this.way.length === 1;
  }

  /**
   * One page: asked for in pieces while nothing fits.
   * @param {boolean} quiet
   * @param {number} turn
   */
  async ask(quiet, turn) {
    const filter = this.bar.read();
    const query = { ...filter, since: utc(filter.since), until: utc(filter.until), cut: 1 };
    /** @type {Entry[]} */
    const items = [];
    let from = this.way[this.way.length - 1];
    for (let looks = 0; looks < LOOKS && turn === this.turn; looks += 1) {
      const { json } = await this.app.api.get('/v1/audit', { quiet, query: { ...query, limit: PAGE - items.length,
        before: from?.before, line: from?.line || undefined } });
      items.push(...json.items);
      from = json.next === null ? null : { before: json.next, line: json['next-line'] };
      if (!from || items.length >= PAGE) {
        break;
      }
    }
    return { items, next: from };
  }

  /** @param {boolean} quiet nobody has asked for it */
  async refresh(quiet) {
    this.turn += 1;
    const { turn } = this;
    try {
      const { items, next } = await this.ask(quiet, turn);
      if (turn === this.turn) {
        this.next = next;
        this.draw(items);
      }
    } catch (error) {
      if (!(error instanceof Refused) || quiet) {
        throw error;
      }
      replace(this.status, notice('failed', error.status ? error.message : t('away')));
    }
  }

  /** What stands there already stays, with whatever is open or has the focus. @param {Entry[]} items */
  draw(items) {
    const wanted = new Map(items.map((entry) => [`${entry.seq}.${entry.line}`, entry]));
    for (const row of [...this.list.children]) {
      if (!wanted.has(row.dataset.key)) {
        row.remove();
      }
    }
    let at = this.list.firstElementChild;
    for (const [key, entry] of wanted) {
      if (at?.dataset.key === key) {
        at = at.nextElementSibling;
      } else {
        this.list.insertBefore(auditEntry(this.app, this.kinds, entry), at);
      }
    }
    this.remember();
    replace(this.status, items.length > 0 && t('audit.count', { count: items.length }));
    this.list.hidden = items.length === 0;
    replace(this.nothing, items.length === 0 && h('p', {}, t(this.next ? 'audit.further' : 'audit.nothing')));
    this.drawPager();
  }

  /** The filter and the page stand in the address. */
  remember() {
    const from = this.way[this.way.length - 1];
    history.replaceState(null, '', hrefOf(['audit'],
      { ...this.bar.read(), before: from?.before, line: from?.line || undefined }));
  }

  drawPager() {
    const step = (/** @type {() => void} */ go, /** @type {boolean} */ may, /** @type {any[]} */ words) =>
      h('button', { type: 'button', disabled: !may, on: { click: () => this.app.attempt(async () => {
        go();
        await this.refresh(false);
        window.scrollTo(0, 0);
        this.list.focus();
      }) } }, ...words);
    const newest = () => {
      this.way = [null];
    };
    replace(this.pager, (this.next || !this.isNewest()) && [
      step(newest, !this.isNewest(), [t('audit.newest')]),
      step(() => this.way.pop(), !this.isNewest(), [icon('back'), t('audit.newer')]),
      step(() => this.way.push(this.next), this.next !== null, [t('audit.older'), icon('next')])]);
  }
}

/**
 * @param {App} app
 * @param {import('../app/pages.js').PagePlace} place
 * @returns {Promise<import('../app/pages.js').Page>}
 */
export async function open(app, place) {
  const log = new Log(app, await auditedKinds(app), place.query);
  await log.refresh(false);
  const clear = () => app.attempt(async () => {
    log.bar.clear();
    await log.anew();
  });
  const end = app.live.on('settings', () => {
    if (log.isNewest()) {
      app.attempt(() => log.refresh(true));
    }
  });
  return {
    title: t('nav.audit'),
    actions: [h('button', { type: 'button', on: { click: clear } }, t('audit.clear'))],
    content: [h('p', { class: 'hint' }, t('about.audit')), ...log.nodes],
    close: end,
  };
}
