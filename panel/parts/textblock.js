// @ts-check
/** Text to take elsewhere: shown as it is, copied, or saved as a file. */
import { h } from '../app/dom.js';
import { t } from '../app/text.js';

/**
 * Hands bytes or text to the browser as a file to save.
 * @param {string} name
 * @param {string | Uint8Array<ArrayBuffer>} data
 */
export function save(name, data) {
  const url = URL.createObjectURL(new Blob([data], { type: 'application/octet-stream' }));
  const link = h('a', { href: url, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60000); // the browser may ask where to first
}

/** The name of an object as that of a file. @param {string} name */
export function fileName(name) {
  return name.replace(/[^\p{L}\p{N}._-]+/gu, '_').replace(/^\.+/, '') || 'stox';
}

/**
 * Where the page may not write to the clipboard (plain HTTP elsewhere than on loopback), the text is marked for Ctrl+C.
 * @param {import('../app/pages.js').App} app
 * @param {HTMLElement} block that shows it
 * @param {string} text
 */
async function copy(app, block, text) {
  try {
    await navigator.clipboard.writeText(text);
    app.say(t('copy.done'));
  } catch {
    block.focus();
    getSelection()?.selectAllChildren(block);
    app.say(t('copy.marked'));
  }
}

/**
 * @param {import('../app/pages.js').App} app
 * @param {{label: string, text: string, file?: string}} wish label: what it is; file: the name to save it under
 */
export function textBlock(app, { label, text, file }) {
  const block = h('pre', { class: 'block', tabindex: '0', role: 'region', 'aria-label': label }, text);
  return h('div', { class: 'stack' }, block, h('div', { class: 'actions' },
    h('button', { type: 'button', 'aria-label': t('copy.of', { what: label }),
      on: { click: () => copy(app, block, text) } }, t('copy')),
    file && h('button', { type: 'button', 'aria-label': t('save.of', { what: label }),
      on: { click: () => save(file, text) } }, t('save'))));
}
