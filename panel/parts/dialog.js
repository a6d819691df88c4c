// @ts-check
/** Questions that have to be answered before anything else goes on. */
import { h, newId } from '../app/dom.js';
import { t } from '../app/text.js';

/**
 * Shows content in a dialog of its own; the browser keeps the focus inside, and gives it back.
 * @param {string} title
 * @param {(close: (value: any) => void) => Element[]} content close ends it with this value
 * @returns {Promise<any>} null when it was left by Escape
 */
export function dialog(title, content) {
  return new Promise((resolve) => {
    const id = newId();
    const box = h('dialog', { 'aria-labelledby': id });
    let result = /** @type {any} */ (null);
    const close = (/** @type {any} */ value) => {
      result = value;
      box.close();
    };
    box.append(h('h2', { id }, title), ...content(close));
    box.addEventListener('close', () => {
      box.remove();
      resolve(result);
    });
    document.body.append(box);
    box.showModal();
  });
}

/**
 * @param {{title: string, text: import('../app/dom.js').Child, action: string, danger?: boolean}} question
 * @returns {Promise<boolean>}
 */
export async function confirm(question) {
  return (await dialog(question.title, (close) => [
    h('p', {}, question.text),
    h('div', { class: 'actions' },
      h('button', { type: 'button', class: question.danger ? 'danger' : 'primary', on: { click: () => close(true) } },
        question.action),
      h('button', { type: 'button', autofocus: true, on: { click: () => close(false) } }, t('cancel'))),
  ])) === true;
}
