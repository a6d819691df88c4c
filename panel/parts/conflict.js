// @ts-check
/** Somebody else has changed the object meanwhile: what, who, and what shall become of one's own changes. */
import { h } from '../app/dom.js';
import { moment, t } from '../app/text.js';
import { dialog } from './dialog.js';
import { written } from './field.js';

/**
 * @typedef {Object} Conflict
 * @property {import('../app/schema.js').Kind} kind
 * @property {string} where the object's path
 * @property {string} name
 * @property {any} base as it was when the form was made
 * @property {import('./form.js').Form} form
 */

/** Who made the last change, if one may know. @param {import('../app/pages.js').App} app @param {Conflict} conflict */
async function changer(app, { kind, name }) {
  if (!app.api.may('helpdesk')) {
    return null;
  }
  const { json } = await app.api.get('/v1/audit', { query: { limit: 1, kind: kind.noun, name } });
  return json.items[0] ?? null;
}

/**
 * @param {Conflict} conflict
 * @param {any} now
 */
function differences({ kind, base, form }, now) {
  const own = form.values();
  return kind.settings.filter((one) => JSON.stringify(base[one.name]) !== JSON.stringify(now[one.name]) ||
    Object.hasOwn(own, one.name)).map((one) => h('tr', {}, h('th', { scope: 'row' }, h('code', {}, one.name)),
    h('td', {}, written(one, base[one.name])), h('td', {}, written(one, now[one.name])),
    h('td', {}, Object.hasOwn(own, one.name) ? written(one, form.field(one.name)?.read()) : t('conflict.kept'))));
}

/**
 * @param {import('../app/pages.js').App} app
 * @param {Conflict} conflict
 * @param {(tag: string) => void} commit one's own changes once more, onto the object with this ETag
 * @param {() => void} drop one's own changes
 * @returns {Promise<boolean>}
 */
export async function resolveConflict(app, conflict, commit, drop) {
  const [now, last] = await Promise.all([app.api.get(conflict.where), changer(app, conflict)]);
  const rows = differences(conflict, now.json);
  const choice = await dialog(t('conflict.title'), (close) => [
    h('p', {}, last ? t('conflict.who', { who: last.who, when: moment(last.at) }) : t('conflict.somebody')),
    h('div', { class: 'scroll' }, h('table', {}, h('thead', {}, h('tr', {}, ['setting', 'before', 'theirs', 'yours']
      .map((column) => h('th', { scope: 'col' }, t(`conflict.${column}`))))), h('tbody', {}, rows))),
    h('div', { class: 'actions' },
      h('button', { type: 'button', class: 'primary', on: { click: () => close('mine') } }, t('conflict.mine')),
      h('button', { type: 'button', on: { click: () => close('theirs') } }, t('conflict.take')),
      h('button', { type: 'button', on: { click: () => close(null) } }, t('conflict.back'))),
  ]);
  if (choice === 'mine') {
    commit(now.tag);
  } else if (choice === 'theirs') {
    drop();
  }
  return true;
}
