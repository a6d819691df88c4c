// @ts-check
/** Certificates and requests: which there are, and whether what is in use is good. */
import { h } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { t } from '../app/text.js';
import { assignedText, certificateMark, useText, when } from '../parts/certificate.js';
import { defectList } from '../parts/findings.js';
import { icon } from '../parts/icon.js';
import { mark, notice } from '../parts/mark.js';

/** @type {Object<string, import('../parts/icon.js').Mark>} */
const VERDICTS = { good: 'ok', doubtful: 'warning', broken: 'failed' };

/** @param {string} label @param {string[]} columns @param {Element[]} rows */
function table(label, columns, rows) {
  return h('div', { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': label }, h('table', { class: 'grid' },
    h('thead', {}, h('tr', {}, columns.map((name) => h('th', { scope: 'col' }, name)))), h('tbody', {}, rows)));
}

/** @param {any} item */
function row(item) {
  const names = item.certificate?.names ?? item.names;
  return h('tr', {}, h('th', { scope: 'row' }, h('a', { href: hrefOf(['certificates', item.name]) }, item.name),
    item['friendly-name'] && h('p', { class: 'names' }, item['friendly-name'])),
  h('td', {}, certificateMark(item), item.state === 'renewing' && h('p', {}, mark('busy', t('cert.renewing')))),
  h('td', {}, when(item.certificate?.['not-after']) ?? t('none')), h('td', {}, t(`cert.use.${item.use}`)),
  h('td', {}, names.join(', ')), h('td', {}, assignedText(item)));
}

/** @param {any} item what is assigned somewhere */
function checked(item) {
  return h('li', {}, mark(item.good ? 'ok' : 'failed', useText(item.of)), h('div', {},
    h('p', {}, item.certificate || t('cert.none'), item['not-after'] && ` · ${when(item['not-after'])}`),
    item.defects.length > 0 && defectList(item.defects)));
}

/** @param {import('../app/pages.js').App} app @returns {Promise<import('../app/pages.js').Page>} */
export async function open(app) {
  const [{ json: list }, { json: check }] = await Promise.all([
    app.api.get('/v1/certificates', { query: { limit: 1000 } }), app.api.get('/v1/certificate-check')]);
  const columns = ['name', 'state', 'until', 'use', 'names', 'at'].map((name) => t(`cert.column.${name}`));
  const actions = app.api.may('administrator') ? [
    h('a', { class: 'button', href: hrefOf(['import', 'certificates']) }, t('cert.import')),
    h('a', { class: 'button primary', href: hrefOf(['new', 'certificates']) }, icon('add'), t('cert.request'))] : [];
  return {
    title: t('nav.certificates'),
    actions,
    content: [h('p', { class: 'hint' }, t('about.certificates')),
      list.items.length > 0 ? h('section', {}, table(t('nav.certificates'), columns, list.items.map(row)))
        : h('div', { class: 'empty' }, h('p', {}, t('empty.certificates'))),
      h('section', {}, h('h2', {}, t('cert.check')), h('p', { class: 'hint' }, t('cert.check.about')),
        notice(VERDICTS[check.verdict], h('p', {}, t(`cert.verdict.${check.verdict}`))),
        h('ul', { class: 'findings' }, check.items.map(checked)))],
  };
}
