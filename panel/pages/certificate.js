// @ts-check
/** One certificate: what it says, the request that waits, where it is used, and what can be done with it. */
import { path } from '../app/api.js';
import { h } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { t } from '../app/text.js';
import { assignedText, certificateMark, when } from '../parts/certificate.js';
import { confirm } from '../parts/dialog.js';
import { notice } from '../parts/mark.js';
import { facts } from '../parts/plain.js';
import { fileName, textBlock } from '../parts/textblock.js';

/** @typedef {import('../app/pages.js').App} App */

/** @param {App} app @param {any} item */
function requestPart(app, item) {
  const importing = hrefOf(['certificates', item.name, 'import']);
  return item.request && h('section', {}, h('h2', {}, t('cert.waiting')),
    h('p', { class: 'hint' }, t('cert.waiting.about')),
    textBlock(app, { label: t('cert.csr'), text: item.request, file: `${fileName(item.name)}.csr` }),
    h('details', {}, h('summary', {}, t('cert.csr.view')),
      h('pre', { class: 'block', tabindex: '0', role: 'region', 'aria-label': t('cert.csr.view'), lang: 'en' },
        item['request-text'])),
    app.api.may('administrator') && h('p', { class: 'after' },
      h('a', { class: 'button primary', href: importing }, t('cert.import.answer'))));
}

/** @param {App} app @param {any} item */
function certificatePart(app, item) {
  const cert = item.certificate;
  return cert && h('section', {}, h('h2', {}, t('cert.shown')), facts([
    [t('cert.subject'), h('code', {}, cert.subject)], [t('cert.issuer'), h('code', {}, cert.issuer)],
    [t('cert.from'), when(cert['not-before'])], [t('cert.column.until'), when(cert['not-after'])],
    [t('cert.column.names'), cert.names.join(', ')], [t('cert.key'), cert.key],
    [t('cert.length'), String(cert.length)], ['SHA-256', h('code', {}, cert.sha256)],
    [t('cert.pin'), h('code', {}, cert.pin)]]),
  h('details', {}, h('summary', {}, t('cert.chain')),
    textBlock(app, { label: t('cert.chain'), text: item.chain, file: `${fileName(item.name)}.pem` })));
}

/** @param {any} item */
function answersPart(item) {
  return facts([[t('cert.column.use'), t(`cert.use.${item.use}`)], [t('wizard.friendly'), item['friendly-name']],
    [t('cert.column.at'), assignedText(item)], [t('wizard.exportable'), t(item.exportable ? 'yes' : 'no')],
    [t('cert.requested'), when(item.requested)], [t('cert.installed'), when(item.installed)],
    [t('cert.requested.names'), item.names.join(', ')]]);
}

/** @param {App} app @param {any} item @param {string} tag */
function removeButton(app, item, tag) {
  const remove = async () => {
    const sure = await confirm({ title: t('remove.title', { name: item.name }), text: t('remove.certificates'),
      danger: true, action: t('remove.action') });
    if (sure) {
      await app.api.ask('DELETE', path('certificates', item.name), { tag });
      app.say(t('removed', { name: item.name }));
      app.go(hrefOf(['certificates']));
    }
  };
  return h('button', { type: 'button', class: 'danger', on: { click: () => app.attempt(remove) } }, t('remove.action'));
}

/** @param {App} app @param {any} item @param {string} tag */
function actionsOf(app, item, tag) {
  const to = (/** @type {string} */ what, /** @type {string} */ text, primary = false) =>
    h('a', { class: primary ? 'button primary' : 'button', href: hrefOf(['certificates', item.name, what]) }, text);
  const unused = item.certificate && item.assigned.length === 0;
  return [item.certificate && to('assign', t('cert.assign'), unused), to('import', t('cert.import')),
    to('request', t('cert.again')), item.certificate && to('export', t('cert.export')),
    removeButton(app, item, tag)].filter(Boolean);
}

/**
 * @param {App} app
 * @param {import('../app/pages.js').PagePlace} place
 * @returns {Promise<import('../app/pages.js').Page>}
 */
export async function open(app, place) {
  const { json: item, tag } = await app.api.get(path('certificates', place.values.name));
  return {
    title: item.name,
    up: hrefOf(['certificates']),
    upTitle: t('nav.certificates'),
    actions: app.api.may('administrator') ? actionsOf(app, item, tag) : [],
    content: [h('p', {}, certificateMark(item)),
      item.certificate && item.assigned.length === 0 && notice('warning', h('p', {}, t('cert.unused.say'))),
      answersPart(item), requestPart(app, item), certificatePart(app, item)],
  };
}
