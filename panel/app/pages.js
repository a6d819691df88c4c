// @ts-check
/**
 * The pages there are. A page is a module of pages/ that is loaded when somebody first goes there; it exports `open`:
 *
 *     open(app, place) -> Promise<Page>
 *
 * @typedef {Object} Page
 * @property {string} title also its first heading
 * @property {import('./dom.js').Child[]} content what stands below the heading
 * @property {(Element | false)[]} [actions] what stands beside it
 * @property {string} [up] the address of the page above
 * @property {string} [upTitle]
 * @property {() => boolean} [isDirty] would leaving lose what somebody has typed?
 * @property {() => Promise<void>} [settled] until what was committed is answered
 * @property {() => void} [close] it is shown no longer
 *
 * @typedef {Object} Row
 * @property {string} path with ":name" for parts that are given to open in place.values
 * @property {string} nav which entry of the navigation it belongs to
 * @property {() => Promise<{open: (app: App, place: PagePlace) => Promise<Page>}>} load
 * @property {string} [kind] the plural of the objects it is about; given to open in place.kind
 * @property {string} [role] the least that may see it
 *
 * @typedef {import('./router.js').Place & {values: Object<string, string>, kind: string}} PagePlace
 *
 * @typedef {Object} App what pages are given
 * @property {import('./api.js').Api} api
 * @property {import('./live.js').Live} live
 * @property {import('./schema.js').Schema} schema
 * @property {(href: string) => void} go to another page
 * @property {() => void} again the same page, made anew
 * @property {(run: () => Promise<void>) => Promise<void>} attempt what is refused is said
 * @property {(seconds: number, run: () => Promise<void>) => () => void} every so often, while somebody looks; what is
 *   returned ends it
 * @property {(text: string) => void} say to screen readers, and for a moment to everybody
 */
import { hrefOf } from './router.js';

/** Kinds of objects with names, and those of which there is one; their pages are made of the declarations. */
const KINDS = ['partners', 'domains', 'routes', 'policies', 'sites', 'sip-users', 'blocks', 'proxies'];
const SINGLES = ['gateway', 'org'];

const objectPage = () => import('../pages/object.js');

const newPage = async () => ({ open: (await objectPage()).openNew });

/** @param {string} kind @returns {Row[]} */
function rowsOf(kind) {
  const common = { kind, nav: kind };
  return [
    { ...common, path: kind, load: () => import('../pages/objects.js') },
    { ...common, path: `${kind}/:name`, load: objectPage },
    { ...common, path: `new/${kind}`, role: 'administrator', load: newPage },
  ];
}

/** Certificates are no objects like the others: they are asked for, brought and assigned. @type {Row[]} */
const CERTIFICATES = [
  { path: 'certificates', load: () => import('../pages/certificates.js') },
  { path: 'certificates/:name', load: () => import('../pages/certificate.js') },
  { path: 'new/certificates', role: 'administrator', load: () => import('../pages/certificate-wizard.js') },
  { path: 'import/certificates', role: 'administrator', load: () => import('../pages/certificate-import.js') },
  { path: 'certificates/:name/request', role: 'administrator', load: () => import('../pages/certificate-wizard.js') },
  { path: 'certificates/:name/import', role: 'administrator', load: () => import('../pages/certificate-import.js') },
  { path: 'certificates/:name/assign', role: 'administrator', load: () => import('../pages/certificate-assign.js') },
  { path: 'certificates/:name/export', role: 'administrator', load: () => import('../pages/certificate-export.js') },
].map((row) => ({ ...row, nav: 'certificates' }));

/** Stox's own administrators, and what they have done. @type {Row[]} */
const ADMINISTRATORS = [
  { path: 'administrators', load: () => import('../pages/administrators.js') },
  { path: 'administrators/:name', load: () => import('../pages/administrator.js') },
  { path: 'new/administrators', load: async () => ({ open: (await import('../pages/administrator.js')).openNew }) },
  { path: 'new/tokens', load: () => import('../pages/token-new.js') },
].map((row) => ({ ...row, nav: 'administrators', role: 'administrator' }));

/** What passes at this moment, and what became of it. @type {Row[]} */
const PASSING = [
  { path: 'streams', nav: 'streams', load: () => import('../pages/streams.js') },
  { path: 'streams/:id', nav: 'streams', load: () => import('../pages/stream.js') },
  { path: 'conversations', nav: 'conversations', role: 'helpdesk', load: () => import('../pages/conversations.js') },
  { path: 'conversations/:id', nav: 'conversations', role: 'helpdesk', load: () => import('../pages/conversation.js') },
  { path: 'queue', nav: 'queue', role: 'helpdesk', load: () => import('../pages/queue.js') },
];

/** What is watched and tried, as it passes. @type {Row[]} */
const TRYING = [
  { path: 'trace', nav: 'trace', role: 'helpdesk', load: () => import('../pages/trace.js') },
  { path: 'test', nav: 'test', role: 'helpdesk', load: () => import('../pages/test.js') },
];

/** Who watches whose presence: made by people, not by administrators. @type {Row[]} */
const CONTACTS = [
  { path: 'contacts', role: 'helpdesk', load: () => import('../pages/contacts.js') },
  { path: 'contacts/:sip/:xmpp', role: 'helpdesk', load: () => import('../pages/contact.js') },
  { path: 'new/contacts', role: 'administrator', load: () => import('../pages/contact-new.js') },
  { path: 'purge/contacts', role: 'administrator', load: () => import('../pages/contacts-purge.js') },
].map((row) => ({ ...row, nav: 'contacts' }));

/** What the gateway depends on, looked at. @type {Row[]} */
const CHECKS = [
  { path: 'check', nav: 'check', load: () => import('../pages/check.js') },
  { path: 'dns', nav: 'dns', load: () => import('../pages/dns.js') },
];

/** @type {Row[]} */
export const PAGES = [
  { path: '', nav: 'overview', load: () => import('../pages/overview.js') },
  ...KINDS.flatMap(rowsOf),
  ...SINGLES.map((kind) => ({ path: kind, kind, nav: kind, load: objectPage })),
  ...CERTIFICATES,
  ...CHECKS,
  ...ADMINISTRATORS,
  { path: 'audit', nav: 'audit', role: 'helpdesk', load: () => import('../pages/audit.js') },
  ...PASSING,
  ...TRYING,
  ...CONTACTS,
  { path: 'effective', nav: 'effective', load: () => import('../pages/effective.js') },
  { path: 'account', nav: 'account', load: () => import('../pages/account.js') },
];

/**
 * The address of a page; undefined: there is none, or who is signed in may not see it.
 * @param {import('./api.js').Api} api
 * @param {string} path of a page without ":name"
 * @param {Object<string, string>} [query]
 */
export function hrefTo(api, path, query) {
  const row = PAGES.find((one) => one.path === path);
  return row && (!row.role || api.may(row.role)) ? hrefOf(path.split('/'), query) : undefined;
}

/** @param {string} kind */
function entryOf(kind) {
  return { name: kind, parts: [kind] };
}

/**
 * The navigation: headings with entries. The text of an entry is nav.NAME.
 * @type {{title: string, entries: {name: string, parts: string[], role?: string}[]}[]}
 */
export const NAVIGATION = [
  { title: 'nav.see', entries: [{ name: 'overview', parts: [] }, entryOf('check'), entryOf('streams'),
    ...['conversations', 'queue', 'trace', 'test'].map((name) => ({ ...entryOf(name), role: 'helpdesk' }))] },
  { title: 'nav.federation',
    entries: ['partners', 'domains', 'routes', 'certificates', 'dns', 'proxies'].map(entryOf) },
  { title: 'nav.people', entries: [...['org', 'policies', 'sites', 'sip-users', 'blocks', 'effective'].map(entryOf),
    { ...entryOf('contacts'), role: 'helpdesk' }] },
  { title: 'nav.stox', entries: [entryOf('gateway'), { ...entryOf('audit'), role: 'helpdesk' },
    { ...entryOf('administrators'), role: 'administrator' }, { name: 'account', parts: ['account'] }] },
];
