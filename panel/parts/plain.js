// @ts-check
/** Controls with their labels, for forms that are not made of declarations. */
import { h, newId } from '../app/dom.js';

/**
 * @param {string} label
 * @param {any} control an input, a select or a textarea
 * @param {string} [hint]
 */
export function labelled(label, control, hint) {
  control.id ||= newId();
  const hintId = hint && newId();
  if (hintId) {
    control.setAttribute('aria-describedby', hintId);
  }
  return h('div', { class: 'plain-field' }, h('label', { for: control.id }, label), control,
    hint && h('p', { class: 'hint', id: hintId }, hint));
}

/**
 * A box to tick, its label behind it.
 * @param {string} label
 * @param {any} control
 * @param {string} [hint]
 */
export function tick(label, control, hint) {
  control.id ||= newId();
  const hintId = hint && newId();
  if (hintId) {
    control.setAttribute('aria-describedby', hintId);
  }
  return h('div', { class: 'tick' }, control, h('div', {}, h('label', { for: control.id }, label),
    hint && h('p', { class: 'hint', id: hintId }, hint)));
}

/** @param {Object<string, any>} [attributes] */
export function textInput(attributes = {}) {
  return h('input', { type: 'text', autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false', ...attributes });
}

/**
 * @param {[string, string][]} options value and text
 * @param {string} chosen
 * @param {Object<string, any>} [attributes]
 */
export function choiceOf(options, chosen, attributes = {}) {
  return h('select', attributes,
    options.map(([value, text]) => h('option', { value, selected: value === chosen }, text)));
}

/**
 * One of several, all of which are seen.
 * @param {string} name
 * @param {string} legend
 * @param {{value: string, text: string, hint?: string}[]} options
 * @param {string} chosen
 */
export function radios(name, legend, options, chosen) {
  const inputs = options.map(({ value }) => h('input', { type: 'radio', name, value, checked: value === chosen }));
  const node = h('fieldset', { class: 'radios' }, h('legend', {}, legend),
    options.map(({ text, hint }, i) => tick(text, inputs[i], hint)));
  return { node, read: () => inputs.find((input) => input.checked)?.value ?? '' };
}

/** Facts in pairs; those without a value are left out. @param {[string, import('../app/dom.js').Child][]} pairs */
export function facts(pairs) {
  return h('dl', { class: 'facts' }, pairs.filter(([, value]) => value !== '' && value !== null && value !== undefined)
    .map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
}
