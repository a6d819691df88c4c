// @ts-check
/**
 * The pages there are. A page is a module of pages/ that is loaded when somebody first goes there; it exports `open`:
 *
 *     open(app, place) -> Promise<Page>
 *
 * @typedef {Object} Page
 * @property {string} title also its first heading
 * @property {Element[]} content what stands below the heading
 * @property {Element[]} [actions] what stands beside it
 * @property {string} [up] the address of the page above
 * @property {string} [upTitle]
 * @property {() => boolean} [isDirty] would leaving lose what somebody has typed?
 * @property {() => void} [close] it is shown no longer
 *
 * @typedef {Object} Row
 * @property {string} path with ":name" for parts that are given to open in place.values
 * @property {string} nav which entry of the navigation it belongs to
 * @property {() => Promise<{open: (app: App, place: PagePlace) => Promise<Page>}>} load
 * @property {string} [role] the least that may see it
 *
 * @typedef {import('./router.js').Place & {values: Object<string, string>}} PagePlace
 *
 * @typedef {Object} App what pages are given
 * @property {import('./api.js').Api} api
 * @property {import('./schema.js').Schema} schema
 * @property {(href: string) => void} go to another page
 * @property {() => void} again the same page, made anew
 * @property {(text: string) => void} say to screen readers, and for a moment to everybody
 */

/** @type {Row[]} */
export const PAGES = [
  { path: '', nav: 'overview', load: () => import('../pages/overview.js') },
  { path: 'account', nav: 'account', load: () => import('../pages/account.js') },
];

/**
 * The navigation: headings with entries. The text of an entry is nav.NAME.
 * @type {{title: string, entries: {name: string, parts: string[], role?: string}[]}[]}
 */
export const NAVIGATION = [
  { title: 'nav.see', entries: [{ name: 'overview', parts: [] }] },
  { title: 'nav.stox', entries: [{ name: 'account', parts: ['account'] }] },
];
