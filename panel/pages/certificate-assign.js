// @ts-check
/** Where a certificate is shown from now on. */
import { path } from '../app/api.js';
import { h, replace } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { t } from '../app/text.js';
import { defectForm } from '../parts/defectform.js';
import { outcome } from '../parts/findings.js';
import { tick } from '../parts/plain.js';
import { domainsOf } from './certificate-wizard.js';

/** Does the certificate say that it is for this domain? @param {any} item @param {string} domain */
function names(item, domain) {
  return (item.certificate?.names ?? []).some((/** @type {string} */ name) => name === domain ||
    (name.startsWith('*.') && domain.split('.').slice(1).join('.') === name.slice(2)));
}

/**
 * @param {import('../app/pages.js').App} app
 * @param {import('../app/pages.js').PagePlace} place
 * @returns {Promise<import('../app/pages.js').Page>}
 */
export async function open(app, place) {
  const { name } = place.values;
  const [{ json: item }, domains] = await Promise.all([app.api.get(path('certificates', name)), domainsOf(app)]);
  const box = (/** @type {boolean} */ checked) => h('input', { type: 'checkbox', checked });
  const boxes = domains.map((domain) => box(item.use === 'federation' && names(item, domain)));
  const sip = box(item.use === 'sip');
  const admin = box(item.use === 'admin');
  const node = h('div');
  const form = defectForm({
    fields: [h('fieldset', { class: 'radios' }, h('legend', {}, t('assign.domains')),
      domains.length > 0 ? domains.map((domain, i) => tick(domain, boxes[i])) : h('p', {}, t('assign.domains.none'))),
    h('fieldset', { class: 'radios' }, h('legend', {}, t('assign.else')),
      tick(t('assign.sip'), sip, t('assign.sip.hint')), tick(t('assign.admin'), admin, t('assign.admin.hint')))],
    action: t('cert.assign'),
    send: async (anyway) => {
      const body = { domains: domains.filter((domain, i) => boxes[i].checked), sip: sip.checked, admin: admin.checked };
      const answer = (await app.api.ask('POST', path('certificates', name, 'assign'),
        { body, query: { anyway: anyway ? 1 : undefined } })).json;
      const title = h('h2', { tabindex: '-1' }, t('assign.done'));
      replace(node, title, outcome(answer), h('p', { class: 'after' },
        h('a', { class: 'button', href: hrefOf(['certificates']) }, t('nav.certificates'))));
      title.focus();
    },
  });
  replace(node, h('p', { class: 'hint' }, t('assign.about')), form);
  return { title: t('assign.title', { name }), up: hrefOf(['certificates', name]), upTitle: name, content: [node] };
}
