// @ts-check
/**
 * What the panel says, in the language of whoever reads it: one file for each language in texts/, all with the
 * same keys.
 * Sentences of the API and help of settings come from the gateway, in English.
 */

/** Languages by their codes, as they call themselves. */
export const LANGUAGES = { en: 'English', ja: '日本語' };

const KEPT = 'stox.language';

/** @type {Object<string, string>} */
let dictionary = {};
let language = 'en';
let locale = 'en'; // with its country, where the browser names one: for numbers and times

/** The code of the language that is in use. */
export function languageInUse() {
  return language;
}

/** @returns {string} what was chosen, else the first of the browser's languages that there is */
function wanted() {
  const kept = localStorage.getItem(KEPT);
  const all = [kept, ...navigator.languages].map((tag) => (tag ?? '').split('-')[0]);
  return all.find((code) => Object.hasOwn(LANGUAGES, code)) ?? 'en';
}

/** Loads the texts. Everything that is made before it has no words. */
export async function loadTexts() {
  language = wanted();
  dictionary = (await import(`../texts/${language}.js`)).default;
  locale = navigator.languages.find((tag) => tag.split('-')[0] === language) ?? language;
  document.documentElement.lang = language;
}

/** @param {string} code for the next start of the page */
export function chooseLanguage(code) {
  localStorage.setItem(KEPT, code);
}

/**
 * The text of a key; `{name}` in it is replaced. Of a key with `count` the form "key.one" is taken for one.
 * @param {string} key
 * @param {Object<string, string | number>} [values]
 */
export function t(key, values = {}) {
  const one = values.count === 1 ? dictionary[`${key}.one`] : undefined;
  const text = one ?? dictionary[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (all, name) => {
    const value = values[name];
    return typeof value === 'number' ? number(value) : value ?? all;
  });
}

/** @param {string} key */
export function hasText(key) {
  return Object.hasOwn(dictionary, key);
}

/** @param {number} n */
export function number(n) {
  return new Intl.NumberFormat(locale).format(n);
}

/**
 * "5 min", "3 h", "12 d": how long, in the unit that fits.
 * @param {number} seconds
 */
export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 120) {
    return t('time.seconds', { n: s });
  }
  if (s < 7200) {
    return t('time.minutes', { n: Math.round(s / 60) });
  }
  return s < 172800 ? t('time.hours', { n: Math.round(s / 3600) }) : t('time.days', { n: Math.round(s / 86400) });
}

/**
 * Date and time of day, here.
 * @param {string | number | Date} when
 */
export function moment(when) {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(when));
}

/** @param {string | number | Date} when */
export function timeOfDay(when) {
  return new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' }).format(new Date(when));
}
