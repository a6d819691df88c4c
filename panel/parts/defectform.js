// @ts-check
/** A form about a certificate: what is wrong with it is listed, and what can be meant so is taken nevertheless. */
import { Refused } from '../app/api.js';
import { h, newId, replace } from '../app/dom.js';
import { t } from '../app/text.js';
import { defectList } from './findings.js';
import { notice } from './mark.js';

/**
 * @param {Object} wish
 * @param {import('../app/dom.js').Child[]} wish.fields
 * @param {string} wish.action what the button says
 * @param {(anyway: boolean) => Promise<void>} wish.send
 * @param {(error: Refused) => HTMLElement | null} [wish.about] which field it is about
 */
export function defectForm({ fields, action, send, about }) {
  const fault = h('div', { class: 'stack', role: 'alert' });
  const id = newId();
  const anyway = h('input', { id, type: 'checkbox' });
  const choice = h('div', { class: 'tick', hidden: true }, anyway, h('div', {}, h('label', { for: id }, t('anyway')),
    h('p', { class: 'hint' }, t('anyway.about'))));
  const button = h('button', { type: 'submit', class: 'primary' }, action);
  const form = h('form', { class: 'plain-form wide', novalidate: true, autocomplete: 'off' }, fields, fault, choice,
    h('div', { class: 'actions' }, button));
  const refused = (/** @type {Refused} */ error) => {
    const { defects } = error;
    const text = h('p', { lang: error.status ? 'en' : null }, error.status ? error.message : t('away'));
    replace(fault, notice('failed', text), defects.length > 0 && defectList(defects));
    choice.hidden = defects.length === 0 || defects.some((one) => one.weight === 'fatal');
    anyway.checked = anyway.checked && !choice.hidden;
    (about?.(error) ?? (choice.hidden ? button : anyway)).focus();
  };
  form.addEventListener('submit', async (/** @type {Event} */ event) => {
    event.preventDefault();
    button.setAttribute('aria-disabled', 'true');
    replace(fault);
    try {
      await send(anyway.checked);
    } catch (error) {
      if (!(error instanceof Refused)) {
        throw error;
      }
      refused(error);
    } finally {
      button.removeAttribute('aria-disabled');
    }
  });
  return form;
}
