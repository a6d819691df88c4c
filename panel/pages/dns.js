// @ts-check
/** What is to be in DNS for partners to find this gateway, and whether it is. */
import { h, newId } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { t } from '../app/text.js';
import { Checking } from '../parts/checking.js';
import { labelled, radios, textInput } from '../parts/plain.js';
import { Records } from '../parts/records.js';

/** By whom it is asked: the gateway's own resolvers, or one or two others. */
function resolverChoice() {
  const others = textInput({ inputmode: 'url', placeholder: '9.9.9.9' });
  const field = labelled(t('dns.resolvers.which'), others, t('dns.resolvers.hint'));
  const choice = radios('resolvers', t('dns.resolvers'), [{ value: 'own', text: t('dns.resolvers.own') },
    { value: 'others', text: t('dns.resolvers.others') }], 'own');
  field.hidden = true;
  choice.node.addEventListener('change', () => {
    field.hidden = choice.read() === 'own';
    if (!field.hidden) {
      others.focus();
    }
  });
  return {
    node: h('div', { class: 'stack' }, choice.node, field),
    read: () => (choice.read() === 'own' ? '' : others.value),
  };
}

/** @param {string} text */
const words = (text) => text.split(/[\s,]+/).filter(Boolean);

/** @param {import('../app/pages.js').App} app */
function checkOf(app) {
  const resolvers = resolverChoice();
  const only = textInput();
  const beside = h('details', {}, h('summary', {}, t('dns.otherwise')), h('div', { class: 'stack' }, resolvers.node,
    labelled(t('dns.only'), only, t('dns.only.hint'))));
  const hint = h('p', { class: 'hint' }, t('dns.itself'), ' ', h('a', { href: hrefOf(['gateway']) }, t('nav.gateway')));
  return new Checking(app, { what: 'dns', here: hrefOf(['dns']), beside, hint,
    groupOf: (one) => ({ key: one.about, title: one.about || t('dns.all') }),
    body: () => {
      const given = { resolvers: words(resolvers.read()), domains: words(only.value) };
      return Object.fromEntries(Object.entries(given).filter(([, list]) => list.length > 0));
    } });
}

/**
 * @param {import('../app/pages.js').App} app
 * @param {import('../app/pages.js').PagePlace} place
 * @returns {Promise<import('../app/pages.js').Page>}
 */
export async function open(app, place) {
  const checking = checkOf(app);
  const records = new Records(app, place.query);
  const id = newId();
  await Promise.all([checking.open(), records.refresh()]);
  const end = app.live.on('settings', () => app.attempt(() => records.refresh()));
  return {
    title: t('nav.dns'),
    content: [h('p', { class: 'hint' }, t('about.dns')), checking.node,
      h('section', { 'aria-labelledby': id }, h('h2', { id }, t('dns.records')), records.node)],
    close: () => {
      checking.close();
      end();
    },
  };
}
