// @ts-check
/** What a check has found, in groups, while it grows: those with something wrong are open. */
import { h, replace } from '../app/dom.js';
import { t } from '../app/text.js';
import { mark } from './mark.js';
import { repairOf } from './repair.js';
import { copyButton } from './textblock.js';

/** @typedef {import('./repair.js').Finding} Finding */

const WORST = /** @type {const} */ (['failed', 'warning', 'note', 'ok']);

/** @param {Finding[]} findings */
function worstOf(findings) {
  return WORST.find((kind) => findings.some((one) => one.mark === kind)) ?? 'ok';
}

export class Found {
  /**
   * @param {import('../app/pages.js').App} app
   * @param {(one: Finding) => {key: string, title: string}} groupOf
   * @param {string} here the address of this page: nothing leads to it
   */
  constructor(app, groupOf, here) {
    this.app = app;
    this.groupOf = groupOf;
    this.here = here;
    this.node = h('div', { class: 'groups' });
    /** @type {Map<string, boolean>} what somebody has opened or closed */
    this.chosen = new Map();
    this.drawn = '';
  }

  /** @param {Finding[]} findings all so far */
  show(findings) {
    const text = JSON.stringify(findings);
    if (text === this.drawn) {
      return;
    }
    this.drawn = text;
    /** @type {Map<string, {title: string, findings: Finding[]}>} */
    const groups = new Map();
    for (const one of findings) {
      const { key, title } = this.groupOf(one);
      const group = groups.get(key) ?? { title, findings: [] };
      group.findings.push(one);
      groups.set(key, group);
    }
    const active = this.node.contains(document.activeElement) && document.activeElement;
    const key = active && active.closest('details')?.dataset.key;
    replace(this.node, [...groups].map(([name, group]) => this.groupNode(name, group.title, group.findings)));
    if (key) {
      const again = this.node.querySelector(`[data-key="${CSS.escape(key)}"] summary`);
      /** @type {HTMLElement | null} */ (again)?.focus();
    }
  }

  /** @param {string} key @param {string} title @param {Finding[]} findings */
  groupNode(key, title, findings) {
    const worst = worstOf(findings);
    const count = findings.filter((one) => one.mark === worst).length;
    const open = this.chosen.get(key) ?? (worst === 'failed' || worst === 'warning');
    const node = h('details', { 'data-key': key, open }, h('summary', {},
      h('h3', {}, mark(worst, title)), h('span', { class: 'hint' }, t(`found.${worst}`, { count }))),
    h('ul', { class: 'findings' }, findings.map((one) => this.row(one))));
    node.querySelector('summary').addEventListener('click', () => this.chosen.set(key, !node.open));
    return node;
  }

  /** @param {Finding} one */
  row(one) {
    const link = repairOf(one);
    return h('li', { class: one.mark }, mark(/** @type {any} */ (one.mark), t(`finding.${one.mark}`)), h('div', {},
      h('p', { lang: 'en' }, one.text), one.remedy && h('p', { class: 'remedy', lang: 'en' }, one.remedy),
      one.line && h('div', { class: 'to-do' }, h('code', {}, one.line), copyButton(this.app, one.line, one.line)),
      link && link.href !== this.here &&
        h('p', {}, h('a', { href: link.href }, t('found.repair', { what: link.text })))));
  }
}
