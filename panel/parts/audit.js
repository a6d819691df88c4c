// @ts-check
/** Entries of the audit: who did what to which object, and what became of its settings. */
import { h } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { hasText, moment, number, t } from '../app/text.js';
import { written } from './field.js';
import { icon } from './icon.js';

const SECRET = '***';
const SECRET_ANEW = '*** (another one)';
const SHORT = 160; // characters of a value; what is longer can be opened
const FEW = 12; // values of a list, likewise

/**
 * @typedef {import('../app/pages.js').App} App
 * @typedef {import('../app/schema.js').Kind} Kind
 * @typedef {import('../app/schema.js').Setting} Setting
 * @typedef {{seq: number, line: number, at: string, who: string, by: string, from: string, action: string,
 *   kind: string, name: string, before: any, after: any}} Entry
 */

/** Where objects of a kind have their pages, by its name in the audit. @type {Object<string, string>} */
const PLACES = { account: 'administrators', block: 'blocks', certificate: 'certificates', gateway: 'gateway',
  org: 'org', partner: 'partners', policy: 'policies', route: 'routes', site: 'sites', 'sip-domain': 'domains',
  'sip-user': 'sip-users' };
const SINGLES = ['gateway', 'org'];

/** What an entry can be about. */
export const AUDITED = [...Object.keys(PLACES), 'token', 'contact', 'export', 'test', 'trace'];

/**
 * Declarations of the objects whose pages are made of them, by kind.
 * @param {App} app
 * @returns {Promise<Map<string, Kind>>}
 */
export async function auditedKinds(app) {
  const declared = Object.entries(PLACES).filter(([kind]) => kind !== 'account' && kind !== 'certificate');
  return new Map(await Promise.all(declared.map(async ([kind, plural]) =>
    /** @type {[string, Kind]} */ ([kind, await app.schema.kind(plural)]))));
}

/**
 * "changes of this", for who may read the audit.
 * @param {App} app
 * @param {string} kind
 * @param {string} [name]
 * @param {string} [text]
 */
export function changesLink(app, kind, name, text = t('audit.of')) {
  return app.api.may('helpdesk') && h('a', { class: 'button', href: hrefOf(['audit'], { kind, name }) }, text);
}

/** "user:anna" without how she came. @param {Entry} entry */
export function whoOf({ who, by }) {
  return by === 'gateway' ? who : who.slice(who.indexOf(':') + 1);
}

/** The object, as a link where it has a page. @param {App} app @param {Entry} entry */
function objectOf(app, { kind, name, action }) {
  const place = kind === 'export' ? 'certificates' : PLACES[kind];
  const isThere = place && action !== 'remove' && (kind !== 'account' || app.api.may('administrator'));
  const text = SINGLES.includes(kind) ? '' : name;
  const label = t(`audit.kind.${kind}`);
  if (!isThere) {
    return [label, text && ' ', text && h('b', {}, text)];
  }
  return text ? [label, ' ', h('a', { href: hrefOf([place, name]) }, text)]
    : [h('a', { href: hrefOf([place]) }, label)];
}

/* ---- values ---- */

/** @param {string} text */
function shortened(text) {
  return text.length <= SHORT ? text : h('details', {}, h('summary', {}, `${text.slice(0, SHORT / 2)}… `,
    h('span', {}, t('audit.long', { count: text.length }))), h('span', { class: 'whole' }, text));
}

/** @param {Setting | undefined} setting @param {any} value */
function plain(setting, value) {
  if (value === SECRET || value === SECRET_ANEW) {
    return t(value === SECRET ? 'audit.secret' : 'audit.secret.anew');
  }
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
    return JSON.stringify(value);
  }
  return written(setting ?? /** @type {any} */ ({}), value);
}

/**
 * One side of a difference.
 * @param {'del' | 'ins'} name
 * @param {Setting | undefined} setting
 * @param {any} value undefined: it was not given
 */
function side(name, setting, value) {
  const text = value !== undefined ? plain(setting, value)
    : setting && !setting.secret && setting.fallback !== undefined
      ? t('audit.default', { value: written(setting, setting.fallback) }) : t('audit.unset');
  return h(name, {}, h('span', { class: 'unseen' }, t(name === 'del' ? 'audit.before' : 'audit.after')),
    shortened(text));
}

/** @param {'del' | 'ins'} name @param {any[]} values */
function entries(name, values) {
  const one = (/** @type {any} */ value) => h('span', { class: 'one' }, String(value));
  return values.length > 0 && h(name, {},
    h('span', { class: 'unseen' }, t(name === 'del' ? 'audit.gone' : 'audit.added')), values.slice(0, FEW).map(one),
    values.length > FEW && h('details', {}, h('summary', {}, t('audit.more', { count: values.length - FEW })),
      values.slice(FEW).map(one)));
}

/** What a list has lost and got. @param {any[]} before @param {any[]} after */
function listDifference(before, after) {
  const had = new Set(before);
  const has = new Set(after);
  const gone = before.filter((value) => !has.has(value));
  const added = after.filter((value) => !had.has(value));
  return gone.length + added.length > 0 ? [entries('del', gone), entries('ins', added)]
    : [side('del', undefined, before), side('ins', undefined, after)]; // only the order
}

/** @param {Setting | undefined} setting @param {any} before @param {any} after @param {Entry} entry */
function difference(setting, before, after, entry) {
  const none = (/** @type {any} */ value) => value === undefined || Array.isArray(value);
  if ((Array.isArray(before) || Array.isArray(after)) && none(before) && none(after)) {
    return listDifference(before ?? [], after ?? []);
  }
  return [entry.before && side('del', setting, before), entry.before && entry.after && ' → ',
    entry.after && side('ins', setting, after)];
}

/** When a token ends, as people write it. @param {Entry} entry @param {any} values @returns {any} */
function readable({ kind }, values) {
  return kind === 'token' && values?.expires ? { ...values, expires: moment(values.expires * 1000) } : values ?? {};
}

/** Setting by setting. @param {Kind | undefined} kind @param {Entry} entry */
function differences(kind, entry) {
  const before = readable(entry, entry.before);
  const after = readable(entry, entry.after);
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  const changed = names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  if (changed.length === 0) {
    return null;
  }
  return h('dl', { class: 'changes' }, changed.map((name) => h('div', {}, h('dt', {}, h('code', {}, name)),
    h('dd', {}, difference(kind?.settings.find((one) => one.name === name), before[name], after[name], entry)))));
}

/**
 * @param {App} app
 * @param {Map<string, Kind>} kinds
 * @param {Entry} entry
 */
export function auditEntry(app, kinds, entry) {
  const action = hasText(`audit.action.${entry.action}`) ? t(`audit.action.${entry.action}`) : entry.action;
  const sign = entry.action === 'new' ? 'add' : entry.action === 'remove' ? 'close' : 'note';
  return h('li', { 'data-key': `${entry.seq}.${entry.line}` },
    h('p', { class: 'what' }, h('span', { class: `mark ${entry.action === 'remove' ? 'failed' : 'note'}` }, icon(sign),
      h('span', {}, action)), ' ', objectOf(app, entry)),
    h('p', { class: 'hint' }, h('time', { datetime: entry.at, title: entry.at }, moment(entry.at)), ' · ',
      h('b', {}, whoOf(entry)), ' ', t(`audit.by.${entry.by}`, { from: entry.from }), ' · ',
      t('audit.number', { number: number(entry.seq) })),
    differences(kinds.get(entry.kind), entry));
}
