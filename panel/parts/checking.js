// @ts-check
/** A check: the last verdict with its time, a button that begins one, and what it finds while it runs. */
import { Refused } from '../app/api.js';
import { h, replace } from '../app/dom.js';
import { duration, t } from '../app/text.js';
import { Found } from './found.js';
import { notice } from './mark.js';
import { verdictNotice } from './verdict.js';

const LOOK_MS = 400;

/**
 * @typedef {Object} Wish
 * @property {'dns' | 'all'} what
 * @property {(one: import('./repair.js').Finding) => {key: string, title: string}} groupOf
 * @property {string} here the address of the page
 * @property {() => {domains?: string[], resolvers?: string[]}} [body] what is particular about it; asked when it begins
 * @property {Element} [beside] controls that belong to the button
 * @property {Element} [hint] below the verdict
 * @property {(findings: any[]) => string} [progress] what it does now
 */

export class Checking {
  /** @param {import('../app/pages.js').App} app @param {Wish} wish */
  constructor(app, wish) {
    this.app = app;
    this.wish = wish;
    this.last = h('div');
    this.says = h('div', { role: 'status' });
    this.found = new Found(app, wish.groupOf, wish.here);
    this.button = h('button', { type: 'button', class: 'primary' }, t('check.now'));
    this.button.addEventListener('click', () => this.begin());
    this.shown = 0; // whose findings stand there
    this.seen = ''; // the verdict that does
    this.closed = false;
    const may = app.api.may('helpdesk');
    this.node = h('section', { class: 'check' }, h('h2', {}, t('check.verdict')), this.last, wish.hint,
      may ? h('div', { class: 'plain-form' }, wish.beside, h('div', { class: 'actions' }, this.button))
        : h('p', { class: 'hint' }, t('check.reader')), this.says, this.found.node);
    this.end = app.live.on('status', (status) => app.attempt(() => this.take(status)));
  }

  /** The verdict that there is, with what was found. */
  async open() {
    await this.take((await this.app.api.get('/v1/status', { quiet: true })).json);
  }

  get runs() {
    return this.button.getAttribute('aria-disabled') === 'true';
  }

  /** @param {any} status */
  async take(status) {
    const last = status.checks?.[this.wish.what];
    const text = JSON.stringify(last ?? null);
    if (text === this.seen) {
      return;
    }
    this.seen = text;
    replace(this.last, verdictNotice(last));
    if (!last) {
      this.shown = 0; // a gateway that has begun anew counts from one
    }
    if (!last || last.check === this.shown || this.runs || !this.app.api.may('helpdesk')) {
      return;
    }
    this.shown = last.check;
    const check = await this.read(last.check);
    if (check && !this.runs) {
      this.found.show(this.ofThis(check));
      replace(this.says);
    }
  }

  /** A check of everything holds more than DNS. @param {any} check */
  ofThis(check) {
    return this.wish.what === 'all' ? check.findings
      : check.findings.filter((/** @type {any} */ one) => one.area === 'dns');
  }

  /** @param {number} id @returns {Promise<any>} null: it is forgotten, as a newer one has come */
  async read(id) {
    try {
      return (await this.app.api.get(`/v1/checks/${id}`, { quiet: true })).json;
    } catch (error) {
      if (error instanceof Refused && error.status === 404) {
        return null;
      }
      throw error;
    }
  }

  async begin() {
    if (this.runs) {
      return;
    }
    this.button.setAttribute('aria-disabled', 'true');
    await this.app.attempt(() => this.run());
    this.button.removeAttribute('aria-disabled');
  }

  async run() {
    const particular = this.wish.body?.() ?? {};
    replace(this.says);
    const body = { what: this.wish.what, ...particular };
    const { id } = (await this.app.api.ask('POST', '/v1/checks', { body })).json;
    this.shown = id;
    this.found.show([]);
    let check = { done: false, findings: /** @type {any[]} */ ([]) };
    for (let said = ''; !check.done && !this.closed;) {
      const now = this.wish.progress?.(check.findings) ?? t('check.runs');
      if (now !== said) {
        replace(this.says, h('p', { class: 'hint' }, now));
        said = now;
      }
      await new Promise((resolve) => {
        setTimeout(resolve, LOOK_MS);
      });
      check = (await this.app.api.get(`/v1/checks/${id}`)).json;
      this.found.show(check.findings);
    }
    if (check.done) {
      replace(this.says, this.outcome(check, Object.keys(particular).length > 0));
    }
  }

  /** What becomes the gateway's verdict is shown there. @param {any} check @param {boolean} particular it does not */
  outcome(check, particular) {
    const took = duration(check['took-ms'] / 1000);
    return particular ? notice(check.works ? 'ok' : 'failed', h('p', { lang: 'en' }, check.verdict),
      h('p', { class: 'hint' }, t('check.particular', { took })))
      : h('p', { class: 'hint' }, t('check.ended', { took }));
  }

  close() {
    this.closed = true;
    this.end();
  }
}
