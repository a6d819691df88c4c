// @ts-check
/** A table that the server searches, sorts and cuts into pages: ten thousand rows are as quick as ten. */
import { Refused } from '../app/api.js';
import { h, replace } from '../app/dom.js';
import { t } from '../app/text.js';
import { icon } from './icon.js';
import { notice } from './mark.js';
import { redraw } from './part.js';

/**
 * @typedef {Object} Column
 * @property {string} name what the server sorts by
 * @property {string} title
 * @property {(item: any) => import('../app/dom.js').Child | import('../app/dom.js').Child[]} show
 * @property {'number' | 'name' | 'words'} [kind] what stands in it: names are not broken, words may be
 * @property {boolean} [fixed] cannot be sorted by
 *
 * @typedef {Object} View what is looked at; stands in the address
 * @property {string} sort
 * @property {number} offset
 */

const PAGE = 50;

const here = () => location.hash.split('?')[0];

export class Grid {
  /**
   * @param {Object} owner
   * @param {string} owner.label
   * @param {Column[]} owner.columns the first one names the row
   * @param {(view: any, quiet: boolean) => Promise<{items: any[], total: number}>} owner.ask view: View, and limit
   * @param {(total: number, from: number, to: number) => string} owner.count
   * @param {() => Element} owner.empty what stands there when nothing is found
   * @param {(view: any) => void} owner.moved somebody looks at something else now
   * @param {View} view
   */
  constructor(owner, view) {
    this.owner = owner;
    this.view = view;
    this.turn = 0;
    this.drawn = '';
    this.begun = false;
    this.place = here();
    this.status = h('p', { class: 'hint', role: 'status' });
    this.head = h('tr');
    this.body = h('tbody');
    this.pager = h('nav', { class: 'pager', 'aria-label': t('pager.label') });
    this.table = h('div', { class: 'scroll', role: 'region', 'aria-label': owner.label, tabindex: '0' },
      h('table', { class: 'grid' }, h('thead', {}, this.head), this.body));
    this.nothing = h('div', { class: 'empty' });
    this.node = h('div', {}, this.status, this.table, this.nothing, this.pager);
    this.drawHead();
  }

  drawHead() {
    const backwards = this.view.sort.startsWith('-');
    const by = this.view.sort.replace(/^-/, '') || this.owner.columns[0].name;
    replace(this.head, this.owner.columns.map((column) => {
      const here = column.name === by;
      const attributes = { scope: 'col', class: column.kind,
        'aria-sort': here ? (backwards ? 'descending' : 'ascending') : null };
      return h('th', attributes, column.fixed ? column.title : h('button', { type: 'button', class: 'sort',
        on: { click: () => this.sortBy(here && !backwards ? `-${column.name}` : column.name) } }, column.title,
      icon(here ? (backwards ? 'down' : 'up') : 'sort')));
    }));
  }

  /** @param {string} sort */
  sortBy(sort) {
    const at = [...this.head.querySelectorAll('button')].indexOf(document.activeElement);
    this.view = { sort, offset: 0 };
    this.drawHead();
    this.head.querySelectorAll('button')[at]?.focus();
    this.refresh();
  }

  /** Asks anew; what comes late is passed over. @param {boolean} [quiet] nobody has asked for it */
  async refresh(quiet = false) {
    const turn = ++this.turn;
    try {
      const { items, total } = await this.owner.ask({ ...this.view, limit: PAGE }, quiet);
      if (turn !== this.turn) {
        return;
      }
      if (items.length === 0 && total > 0) {
        this.view.offset = 0; // the page has gone meanwhile
        await this.refresh();
        return;
      }
      this.remember();
      this.draw(items, total);
    } catch (error) {
      if (!(error instanceof Refused)) {
        throw error;
      }
      if (quiet) {
        throw error;
      }
      this.drawn = '';
      this.status.hidden = false;
      replace(this.status, notice('failed', error.status ? error.message : t('away')));
    }
  }

  /** What is shown stands in the address, whoever has asked for it, unless the address is another page's by now. */
  remember() {
    if (this.begun && here() === this.place) {
      this.owner.moved(this.view);
    }
    this.begun = true;
  }

  /** Only news are read out. @param {string} text */
  say(text) {
    if (this.status.textContent !== text) {
      replace(this.status, text);
    }
  }

  /** @param {any[]} items @param {number} total */
  draw(items, total) {
    const { columns } = this.owner;
    const drawn = JSON.stringify([items, total, this.view]);
    if (drawn === this.drawn) {
      return;
    }
    this.drawn = drawn;
    this.say(this.owner.count(total, this.view.offset + 1, this.view.offset + items.length));
    redraw(this.body, items.map((item) => h('tr', {}, columns.map((column, i) =>
      h(i ? 'td' : 'th', { scope: i ? null : 'row', class: column.kind }, column.show(item))))));
    this.table.hidden = total === 0;
    this.status.hidden = total === 0;
    replace(this.nothing, total === 0 && this.owner.empty());
    this.drawPager(total);
  }

  /** @param {number} total */
  drawPager(total) {
    const { offset } = this.view;
    const step = (/** @type {number} */ to, /** @type {string} */ text, /** @type {'back' | 'next'} */ sign) =>
      h('button', { type: 'button', disabled: to < 0 || to >= total, on: { click: () => this.turnTo(to) } },
        sign === 'back' && icon(sign), text, sign === 'next' && icon(sign));
    replace(this.pager, total > PAGE && [step(offset === 0 ? -1 : Math.max(0, offset - PAGE), t('pager.back'), 'back'),
      step(offset + PAGE, t('pager.next'), 'next')]);
  }

  /** @param {number} offset */
  async turnTo(offset) {
    this.view.offset = offset;
    await this.refresh();
    this.table.focus();
  }
}
