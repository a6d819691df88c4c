// @ts-check
/** What the page of a policy has besides its settings: it is granted to users and sites. */
import { path, Refused } from '../app/api.js';
import { h, replace } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { t } from '../app/text.js';
import { grant, grantSites } from '../parts/grant.js';
import { notice } from '../parts/mark.js';
import { labelled, tick } from '../parts/plain.js';

/** @typedef {import('../app/pages.js').App} App */

/**
 * A small form whose refusals stand at its end.
 * @param {import('../app/dom.js').Child[]} children
 * @param {Object<string, () => Promise<void>>} does by the button's text
 */
function smallForm(children, does) {
  const fault = h('div', { role: 'alert' });
  const run = async (/** @type {() => Promise<void>} */ what) => {
    replace(fault);
    try {
      await what();
    } catch (error) {
      if (!(error instanceof Refused)) {
        throw error;
      }
      replace(fault, notice('failed', h('p', { lang: 'en' }, error.status ? error.message : t('away'))));
    }
  };
  return h('div', { class: 'plain-form wide' }, children, h('div', { class: 'actions' },
    Object.entries(does).map(([text, what]) => h('button', { type: 'button', on: { click: () => run(what) } }, text))),
  fault);
}

/** @param {App} app @param {string} name */
function usersPart(app, name) {
  const users = h('textarea', { name: 'grant-users', rows: 3, spellcheck: 'false', autocapitalize: 'none' });
  const give = (/** @type {string | null} */ policy) => async () => {
    const list = users.value.split(/[\s,;]+/).filter(Boolean);
    if (list.length > 0) {
      await grant(app, list, policy);
      users.value = '';
    }
    users.focus();
  };
  return smallForm([labelled(t('grant.users'), users, t('grant.users.hint'))],
    { [t('grant.action')]: give(name), [t('grant.take')]: give(null) });
}

/** @param {App} app @param {any} policy @param {string[]} sites */
function sitesPart(app, policy, sites) {
  const boxes = sites.map((name) => h('input', { type: 'checkbox', value: name }));
  const give = async () => {
    const chosen = boxes.filter((box) => box.checked).map((box) => box.value);
    const { federation, xmpp, description } = policy;
    if (chosen.length > 0) {
      await grantSites(app, chosen, { federation, xmpp, description });
    }
  };
  return smallForm([h('fieldset', { class: 'radios' }, h('legend', {}, t('grant.sites')),
    h('p', { class: 'hint' }, t('grant.sites.hint')), boxes.map((box, i) => tick(sites[i], box)))],
  { [t('grant.sites.action')]: give });
}

/** Whom the policy is for, if it is granted to nobody. @param {string} name */
function decides(name) {
  const site = name.startsWith('site:') ? name.slice('site:'.length) : '';
  return site ? h('p', {}, t('grant.of.site'), ' ', h('a', { href: hrefOf(['sites', site]) }, site))
    : h('p', {}, t('grant.of.all'));
}

/** @param {App} app @param {string} name */
export async function above(app, name) {
  const may = app.api.may('administrator');
  const own = name !== 'global' && !name.startsWith('site:');
  const [{ json: policy }, { json: sites }] = await Promise.all([app.api.get(path('policies', name)),
    app.api.get('/v1/sites', { query: { limit: 1000 } })]);
  const names = sites.items.map((/** @type {any} */ one) => one.name);
  const forms = may && own && h('details', {}, h('summary', {}, t('grant.open')),
    h('div', { class: 'stack' }, usersPart(app, name), names.length > 0 && sitesPart(app, policy, names)));
  return {
    nodes: [h('section', {}, h('h2', {}, t('grant.title')), !own && decides(name), h('div', { class: 'actions' },
      own && h('a', { class: 'button', href: hrefOf(['sip-users'], { search: name }) }, t('grant.who')),
      h('a', { class: 'button', href: hrefOf(['effective']) }, t('grant.effective'))), forms)],
    close: () => {},
  };
}
