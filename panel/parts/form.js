// @ts-check
/**
 * The form of one object of any kind: fields in groups, judged by the API while one types (dry-run), committed as one
 * change.
 */
import { Refused } from '../app/api.js';
import { h, replace } from '../app/dom.js';
import { hasText, t } from '../app/text.js';
import { Field } from './field.js';
import { notice } from './mark.js';

/** @typedef {import('../app/schema.js').Kind} Kind */

/**
 * What a form does with what stands in it.
 * @typedef {Object} Owner
 * @property {boolean} readOnly
 * @property {(values: Object<string, any>, dry: boolean) => Promise<any>} send the API's answer; throws Refused
 * @property {(answer: any) => void} done
 * @property {(error: Refused) => Promise<boolean>} [conflict] somebody else was faster; true: it is dealt with
 * @property {Element[]} [first] fields of the owner that come first
 * @property {() => boolean} [isChanged] of those
 * @property {Object<string, Element>} [beside] what is shown below a group, by its name
 */

const SETTLE_MS = 350;

export class Form {
  /** @param {Kind} kind @param {any} object undefined: a new one @param {Owner} owner */
  constructor(kind, object, owner) {
    this.owner = owner;
    this.isNew = object === undefined;
    this.timer = 0;
    this.turn = 0;
    /** @type {Promise<void> | null} */
    this.committing = null;
    /** @type {Set<(name: string) => void>} */
    this.watchers = new Set();
    this.fields = kind.settings.map((setting) => new Field(setting, object?.[setting.name], {
      readOnly: owner.readOnly,
      onInput: () => this.changed(),
      onChange: () => this.judgeSoon(),
    }));
    this.top = h('div', { role: 'alert' });
    this.verdict = h('div', { class: 'verdict', role: 'status' });
    this.commit = h('button', { type: 'submit', class: 'primary' }, t('commit'));
    this.discard = h('button', { type: 'button', on: { click: () => this.restore() } }, t('discard'));
    this.node = h('form', { class: 'form', novalidate: true, autocomplete: 'off' }, this.top, owner.first,
      this.groups(), !owner.readOnly && h('div', { class: 'commit' }, this.verdict, this.commit, this.discard));
    this.node.addEventListener('submit', (/** @type {Event} */ event) => {
      event.preventDefault();
      this.submit();
    });
    this.changed();
  }

  groups() {
    const names = [...new Set(this.fields.map((field) => field.setting.group))];
    return names.map((name) => {
      const title = names.length > 1 && t(hasText(`group.${name}`) ? `group.${name}` : 'group.other');
      return h('fieldset', {}, title && h('legend', {}, title),
        this.fields.filter((field) => field.setting.group === name).map((field) => field.node),
        this.owner.beside?.[name]);
    });
  }

  /** @param {string} name */
  field(name) {
    return this.fields.find((field) => field.setting.name === name);
  }

  isDirty() {
    return this.fields.some((field) => field.isChanged()) || Boolean(this.owner.isChanged?.());
  }

  /** Only what differs. */
  values() {
    return Object.fromEntries(this.fields.filter((field) => field.isChanged())
      .map((field) => [field.setting.name, field.wish()]));
  }

  restore() {
    for (const field of this.fields) {
      field.write(field.original);
      field.complain('');
    }
    replace(this.top);
    this.changed();
    this.judgeSoon();
    this.fields[0].control.focus();
  }

  changed() {
    const dirty = this.isDirty();
    this.discard.hidden = !dirty || this.isNew;
    this.node.classList.toggle('dirty', dirty);
    if (!dirty) {
      replace(this.verdict);
    }
    for (const watcher of this.watchers) {
      watcher('');
    }
  }

  judgeSoon() {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.judge(), SETTLE_MS);
  }

  /** What the API would say to it. */
  async judge() {
    const turn = ++this.turn;
    if (!this.isDirty() || this.owner.readOnly || !this.node.isConnected) {
      return;
    }
    try {
      const answer = await this.owner.send(this.values(), true);
      if (turn === this.turn) {
        this.show(null, answer.warnings ?? []);
      }
    } catch (error) {
      if (turn === this.turn && error instanceof Refused && error.status === 422) {
        this.show(error, []);
      }
    }
  }

  /** @param {Refused | null} error @param {string[]} warnings */
  show(error, warnings) {
    const about = error && this.field(error.setting ?? '');
    for (const field of this.fields) {
      field.complain(field === about && error ? error.message : '');
    }
    replace(this.verdict, warnings.map((text) => notice('warning', h('p', { lang: 'en' }, text))),
      error && !about && notice('failed', h('p', { lang: 'en' }, error.message)));
  }

  /** Until no commit is on its way: who leaves meanwhile is not asked about what is being committed. */
  async settled() {
    await this.committing?.catch(() => {});
  }

  submit() {
    this.committing ??= this.send().finally(() => {
      this.committing = null;
    });
    return this.committing;
  }

  async send() {
    clearTimeout(this.timer);
    const turn = ++this.turn;
    this.commit.setAttribute('aria-disabled', 'true');
    replace(this.top);
    try {
      this.owner.done(await this.owner.send(this.values(), false));
    } catch (error) {
      if (!(error instanceof Refused)) {
        throw error;
      }
      if (turn === this.turn && !(error.status === 412 && (await this.owner.conflict?.(error)))) {
        this.refused(error);
      }
    } finally {
      this.commit.removeAttribute('aria-disabled');
    }
  }

  /** @param {Refused} error */
  refused(error) {
    const about = this.field(error.setting ?? '');
    this.show(error, []);
    if (about) {
      about.control.focus();
    } else {
      replace(this.top, notice('failed', h('p', { lang: 'en' }, error.status ? error.message : t('away'))));
      this.node.querySelector(`[name="${CSS.escape(error.setting ?? '')}"]`)?.focus();
    }
  }
}
