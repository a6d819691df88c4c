// @ts-check
/**
 * A table in the order that the gateway gives it, newest or oldest first; where there is more, it goes on from the last
 * row (`before` of the API).
 */
import { Refused } from '../app/api.js';
import { h, replace } from '../app/dom.js';
import { t } from '../app/text.js';
import { icon } from './icon.js';
import { notice } from './mark.js';
import { Part, redraw } from './part.js';

/**
 * @typedef {Omit<import('./grid.js').Column, 'name' | 'fixed'>} Column
 * @typedef {{items: any[], next?: number | null}} Found
 */

export class Rows {
  /**
   * @param {Object} owner
   * @param {string} owner.label
   * @param {Column[]} owner.columns the first one names the row
   * @param {(before: string, quiet: boolean) => Promise<Found & Object<string, any>>} owner.ask
   * @param {(found: any) => import('../app/dom.js').Child} [owner.says] above the table
   * @param {(found: Found) => import('../app/dom.js').Child} owner.empty what stands there when nothing is found
   * @param {(before: string) => void} [owner.moved] somebody looks at something else now
   * @param {string} [before] where it begins
   */
  constructor(owner, before = '') {
    this.owner = owner;
    this.before = before;
    this.turn = 0;
    this.begun = false;
    this.fault = h('div', { role: 'alert' });
    this.status = new Part((found) => owner.says?.(found));
    this.status.node.setAttribute('role', 'status');
    this.body = new Part((items) => items.map((/** @type {any} */ item) => this.row(item)));
    this.body.node = h('tbody');
    this.table = h('div', { class: 'scroll', role: 'region', 'aria-label': owner.label, tabindex: '0' },
      h('table', { class: 'grid' }, h('thead', {}, h('tr', {}, owner.columns.map((column) =>
        h('th', { scope: 'col', class: column.kind }, column.title)))), this.body.node));
    this.nothing = h('div', { class: 'empty' });
    this.pager = h('nav', { class: 'pager', 'aria-label': t('pager.label') });
    this.node = h('div', {}, this.fault, this.status.node, this.table, this.nothing, this.pager);
  }

  /** @param {any} item */
  row(item) {
    return h('tr', {}, this.owner.columns.map((column, i) =>
      h(i ? 'td' : 'th', { scope: i ? null : 'row', class: column.kind }, column.show(item))));
  }

  /** Asks anew; what comes late is passed over. @param {boolean} [quiet] nobody has asked for it */
  async refresh(quiet = false) {
    const turn = ++this.turn;
    try {
      const found = await this.owner.ask(this.before, quiet);
      if (turn !== this.turn) {
        return;
      }
      if (this.begun && !quiet) {
        this.owner.moved?.(this.before);
      }
      this.begun = true;
      this.show(found);
    } catch (error) {
      if (quiet || !(error instanceof Refused)) {
        throw error;
      }
      replace(this.fault, notice('failed', error.status ? h('p', { lang: 'en' }, error.message) : t('away')));
    }
  }

  /** @param {Found} found */
  show(found) {
    const none = found.items.length === 0;
    replace(this.fault);
    this.status.show(found);
    this.body.show(found.items);
    this.table.hidden = none;
    redraw(this.nothing, none && this.owner.empty(found));
    this.drawPager(found.next);
  }

  /** @param {number | null | undefined} next */
  drawPager(next) {
    const to = (/** @type {string} */ before, /** @type {boolean} */ is, /** @type {any[]} */ ...says) =>
      h('button', { type: 'button', disabled: !is, on: { click: () => this.turnTo(before) } }, ...says);
    replace(this.pager, (this.before !== '' || next) && [
      to('', this.before !== '', icon('back'), t('pager.newest')),
      to(String(next), Boolean(next), t('pager.older'), icon('next'))]);
  }

  /** @param {string} before */
  async turnTo(before) {
    this.before = before;
    await this.refresh();
    this.table.focus();
  }

  /** Begins again with the first row: something else is asked for. */
  restart() {
    this.before = '';
    return this.refresh();
  }
}
