// @ts-check
/** Policies that are granted: to users, by a setting of each; to sites, by a policy that bears the site's name. */
import { t } from '../app/text.js';

/** @typedef {import('../app/pages.js').App} App */

const MOST = 1000;

/** Policies that can be granted to a user; the others decide by themselves. @param {App} app */
export async function grantable(app) {
  const { json } = await app.api.get('/v1/policies', { query: { limit: MOST } });
  return json.items.map((/** @type {any} */ one) => one.name)
    .filter((/** @type {string} */ name) => name !== 'global' && !name.startsWith('site:'));
}

/**
 * As one change: all of them have it, or none.
 * @param {App} app
 * @param {string[]} users
 * @param {string | null} policy null: the site's, or the global one
 */
export async function grant(app, users, policy) {
  const changes = users.map((name) => ({ op: 'set', kind: 'sip-user', name, values: { policy } }));
  await app.api.ask('POST', '/v1/changes', { body: { changes } });
  app.say(t(policy === null ? 'grant.taken' : 'grant.done', { count: users.length }));
}

/** Sites get a policy of their own with these values. @param {App} app @param {string[]} sites @param {any} values */
export async function grantSites(app, sites, values) {
  const { json } = await app.api.get('/v1/policies', { query: { limit: MOST } });
  const there = new Set(json.items.map((/** @type {any} */ one) => one.name));
  const changes = sites.map((site) => `site:${site}`).map((name) =>
    ({ op: there.has(name) ? 'set' : 'new', kind: 'policy', name, values }));
  await app.api.ask('POST', '/v1/changes', { body: { changes } });
  app.say(t('grant.sites.done', { count: sites.length }));
}
