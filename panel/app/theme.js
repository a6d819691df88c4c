// @ts-check
/** Light, dark, or as the system has it. Kept in this browser. */

const KEPT = 'stox.theme';

/** @typedef {'system' | 'light' | 'dark'} Theme */

/** @type {Theme[]} */
export const THEMES = ['system', 'light', 'dark'];

/** @returns {Theme} */
export function theme() {
  const kept = /** @type {Theme | null} */ (localStorage.getItem(KEPT));
  return kept && THEMES.includes(kept) ? kept : 'system';
}

/** Shows the page in it. */
export function applyTheme() {
  const chosen = theme();
  if (chosen === 'system') {
    delete document.documentElement.dataset.theme;
  } else {
    document.documentElement.dataset.theme = chosen;
  }
}

/** @param {Theme} chosen */
export function chooseTheme(chosen) {
  localStorage.setItem(KEPT, chosen);
  applyTheme();
}
