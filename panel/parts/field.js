// @ts-check
/** One setting in a form: made of its declaration, and of nothing else. */
import { h, newId, replace } from '../app/dom.js';
import { number, t } from '../app/text.js';
import { icon } from './icon.js';

/** @typedef {import('../app/schema.js').Setting} Setting */

const HIDDEN = '***'; // as the API shows a secret that is set

/** How one value is written. @param {Setting} setting @param {any} value */
export function written(setting, value) {
  if (Array.isArray(value)) {
    return value.length ? value.map(String).join(', ') : t('none');
  }
  if (typeof value === 'boolean') {
    return t(value ? 'yes' : 'no');
  }
  if (value === null || value === undefined || value === '') {
    return t('none');
  }
  const text = typeof value === 'number' ? number(value) : String(value);
  return setting.unit ? `${text} ${setting.unit}` : text;
}

/** @param {any} a @param {any} b */
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

export class Field {
  /**
   * @param {Setting} setting
   * @param {any} value undefined: there is no object yet
   * @param {{readOnly: boolean, onInput: () => void, onChange: () => void}} owner
   */
  constructor(setting, value, owner) {
    this.setting = setting;
    this.owner = owner;
    this.original = value === undefined ? this.fallback() : value ?? '';
    this.id = newId();
    this.helpId = newId();
    this.faultId = newId();
    this.fault = h('p', { class: 'fault', id: this.faultId, 'aria-live': 'polite' });
    this.word = setting.type === 'flag' && !setting.list ? h('span', { 'aria-hidden': 'true' }) : null;
    this.control = this.makeControl();
    this.reset = h('button', { type: 'button', class: 'quiet', on: { click: () => this.toFallback() },
      'aria-label': t('field.reset.of', { name: setting.name }) }, t('field.reset'));
    this.node = this.makeNode();
    this.control.addEventListener('input', () => this.changed());
    this.control.addEventListener('change', () => owner.onChange());
    this.write(this.original);
  }

  fallback() {
    const { list, type, fallback } = this.setting;
    return fallback ?? (list ? [] : type === 'flag' ? false : '');
  }

  makeControl() {
    const { setting } = this;
    const common = { id: this.id, name: setting.name, disabled: this.owner.readOnly,
      'aria-describedby': `${this.helpId} ${this.faultId}` };
    if (setting.list) {
      return h('textarea', { ...common, spellcheck: 'false', autocapitalize: 'none', rows: 2 });
    }
    if (setting.type === 'choice') {
      return h('select', common, setting.choices.map((value) => h('option', { value }, value)));
    }
    if (setting.type === 'flag') {
      return h('input', { ...common, type: 'checkbox' });
    }
    if (setting.secret) {
      return h('input', { ...common, type: 'password', autocomplete: 'new-password' });
    }
    return h('input', { ...common, type: 'text', autocomplete: 'off', autocapitalize: 'none',
      spellcheck: setting.name === 'description' ? null : 'false',
      class: setting.type === 'number' ? 'short' : null, inputmode: setting.type === 'number' ? 'numeric' : null });
  }

  makeNode() {
    const { setting } = this;
    return h('div', { class: 'field' },
      h('div', { class: 'field-name' }, h('label', { for: this.id, lang: 'en' }, setting.brief),
        h('p', { class: 'names' }, h('code', {}, setting.name), setting.lync && ` · ${setting.lync}`)),
      h('div', { class: 'field-value' },
        h('div', { class: 'control' }, this.control, this.word,
          setting.unit && h('span', { class: 'unit' }, setting.unit)),
        this.fault, !this.owner.readOnly && this.reset),
      h('div', { class: 'field-help', id: this.helpId }, setting.help && h('p', { lang: 'en' }, setting.help),
        h('p', {}, this.bounds())));
  }

  /** What may be given, and what is there without. */
  bounds() {
    const { setting } = this;
    const parts = [];
    if (setting.list) {
      parts.push(t('field.list', { max: setting.max ?? 0 }));
    } else if (setting.type === 'number') {
      parts.push(t('field.range', { min: setting.min ?? 0, max: setting.max ?? 0 }));
    }
    if (setting.secret) {
      parts.push(t('field.secret'));
    } else if (setting.fallback !== undefined) {
      const text = written(setting, setting.fallback);
      parts.push(text === t('none') ? t('field.default.empty') : t('field.default', { value: text }));
    }
    if (setting.restart) {
      parts.push(t('field.restart'));
    }
    return parts.join(' ');
  }

  /** What stands there, as the API takes it. A number that is none stays text: the API says what is wrong with it. */
  read() {
    const { setting, control } = this;
    if (setting.list) {
      return control.value.split('\n').map((/** @type {string} */ line) => line.trim()).filter(Boolean);
    }
    if (setting.type === 'flag') {
      return control.checked;
    }
    const text = setting.secret ? control.value : control.value.trim();
    return setting.type === 'number' && /^\d{1,15}$/.test(text) ? Number(text) : text;
  }

  /** @param {any} value */
  write(value) {
    const { setting, control } = this;
    if (setting.list) {
      control.value = value.join('\n');
      control.rows = Math.min(Math.max(2, value.length + 1), 10);
    } else if (setting.type === 'flag') {
      control.checked = value;
    } else {
      control.value = String(value);
    }
    this.mark();
  }

  toFallback() {
    this.write(this.fallback());
    this.control.focus();
    this.changed();
    this.owner.onChange();
  }

  changed() {
    this.mark();
    this.owner.onInput();
  }

  isChanged() {
    return !same(this.read(), this.original);
  }

  /** For a change of the object: null is the default. */
  wish() {
    const value = this.read();
    return same(value, this.fallback()) ? null : value;
  }

  mark() {
    const value = this.read();
    this.node.classList.toggle('changed', this.isChanged());
    this.reset.hidden = same(value, this.fallback()) || (this.setting.secret && value !== HIDDEN);
    if (this.word) {
      replace(this.word, t(value ? 'yes' : 'no'));
    }
  }

  /** @param {string} text "" takes it away */
  complain(text) {
    replace(this.fault, text && [icon('failed'), h('span', { lang: 'en' }, text)]);
    if (text) {
      this.control.setAttribute('aria-invalid', 'true');
    } else {
      this.control.removeAttribute('aria-invalid');
    }
  }
}
