// @ts-check
/** What surrounds every page: bar, navigation, the place for the page, and what is said to screen readers. */
import { h, replace, set } from './dom.js';
import { NAVIGATION } from './pages.js';
import { hrefOf } from './router.js';
import { chooseLanguage, LANGUAGES, languageInUse, t } from './text.js';
import { chooseTheme, theme, THEMES } from './theme.js';
import { icon } from '../parts/icon.js';
import { mark } from '../parts/mark.js';

const SAID_MS = 6000;

/**
 * A choice in the bar.
 * @param {string} label
 * @param {[string, string][]} options value and text
 * @param {string} chosen
 * @param {(value: string) => void} choose
 */
function choice(label, options, chosen, choose) {
  const select = h('select', { 'aria-label': label, on: { change: () => choose(select.value) } },
    options.map(([value, text]) => h('option', { value, selected: value === chosen }, text)));
  return select;
}

/** Language and theme: there for everybody, signed in or not. */
export function preferences() {
  return h('div', { class: 'preferences' },
    choice(t('theme.label'), THEMES.map((name) => [name, t(`theme.${name}`)]), theme(),
      (value) => chooseTheme(/** @type {import('./theme.js').Theme} */ (value))),
    choice(t('language.label'), Object.entries(LANGUAGES), languageInUse(), (value) => {
      chooseLanguage(value);
      location.reload();
    }));
}

export class Frame {
  /** @param {{api: import('./api.js').Api, signOut: () => void}} owner */
  constructor(owner) {
    this.owner = owner;
    this.main = h('main', { id: 'main', tabindex: '-1' });
    this.nav = h('nav', { id: 'nav', 'aria-label': t('nav.label') }, this.entries(), preferences());
    this.said = h('div', { class: 'said', role: 'status' });
    this.link = h('div', { class: 'link', role: 'status' });
    this.saidTimer = 0;
    this.menu = h('button', { type: 'button', class: 'menu', 'aria-expanded': 'false', 'aria-controls': 'nav',
      on: { click: () => this.openMenu(!this.isOpen()) } }, icon('menu'), t('nav.menu'));
    this.node = h('div', { class: 'frame' }, this.skip(), this.bar(), h('div', { class: 'body' }, this.nav, this.main),
      this.said);
    this.node.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
      if (event.key === 'Escape' && this.isOpen()) {
        this.openMenu(false);
        this.menu.focus();
      }
    });
  }

  skip() {
    return h('a', { class: 'skip', href: '#main',
      on: { click: (/** @type {Event} */ event) => {
        event.preventDefault(); // the address says which page it is
        this.main.focus();
      } } }, t('skip'));
  }

  bar() {
    const who = this.owner.api.who;
    return h('header', { class: 'bar' }, this.menu,
      h('a', { class: 'brand', href: hrefOf([]) }, h('img', { src: '/panel/icon.svg', alt: '', width: 22, height: 22 }),
        'Stox'),
      this.link,
      h('a', { class: 'who', href: hrefOf(['account']) }, who?.name,
        h('span', { class: 'role' }, t(`role.${who?.role}`))),
      h('button', { type: 'button', on: { click: this.owner.signOut } }, t('signout')));
  }

  isOpen() {
    return this.menu.getAttribute('aria-expanded') === 'true';
  }

  /** @param {boolean} open */
  openMenu(open) {
    this.menu.setAttribute('aria-expanded', String(open));
    this.nav.classList.toggle('open', open);
  }

  /** All entries that who is signed in may see. */
  entries() {
    const { api } = this.owner;
    return NAVIGATION.map((group) => {
      const entries = group.entries.filter((entry) => !entry.role || api.may(entry.role));
      return entries.length > 0 && h('div', {}, h('h2', {}, t(group.title)), h('ul', {}, entries.map((entry) =>
        h('li', {}, h('a', { href: hrefOf(entry.parts), 'data-name': entry.name }, t(`nav.${entry.name}`))))));
    });
  }

  /** @param {string} current the entry that is shown */
  navigate(current) {
    for (const link of this.nav.querySelectorAll('a')) {
      set(link, { 'aria-current': link.dataset.name === current ? 'page' : null });
    }
    this.openMenu(false);
  }

  /**
   * @param {import('./pages.js').Page} page
   * @param {boolean} takeFocus a page was left for it: whoever reads by ear is taken to its heading
   */
  show(page, takeFocus) {
    const heading = h('h1', { tabindex: '-1' }, page.title);
    document.title = `${page.title} – Stox`;
    replace(this.main,
      page.up && h('p', { class: 'up' }, h('a', { href: page.up }, icon('back'), page.upTitle)),
      h('div', { class: 'head' }, heading, h('div', { class: 'actions' }, page.actions ?? [])), page.content);
    if (takeFocus) {
      window.scrollTo(0, 0);
      heading.focus();
    }
  }

  /** For a moment, and to screen readers. @param {string} text */
  say(text) {
    clearTimeout(this.saidTimer);
    replace(this.said, h('p', {}, text));
    this.saidTimer = window.setTimeout(() => replace(this.said), SAID_MS);
  }

  /** Is what is shown up to date? @param {boolean} up */
  connected(up) {
    replace(this.link, up ? null : mark('warning', t('link.lost')));
  }
}

/**
 * What stands there before anybody is signed in.
 * @param {string} title
 * @param {...Element} children
 */
export function gate(title, ...children) {
  document.title = `${title} – Stox`;
  return h('div', { class: 'gate' }, h('header', {}, preferences()),
    h('main', { id: 'main' }, h('p', { class: 'brand' },
      h('img', { src: '/panel/icon.svg', alt: '', width: 32, height: 32 }), 'Stox'), h('h1', {}, title), ...children));
}
