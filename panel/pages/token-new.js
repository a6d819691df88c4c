// @ts-check
/** A new token: made, shown once, and nowhere later. */
import { h, replace } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { moment, t } from '../app/text.js';
import { descriptionField, roleField } from '../parts/administrator.js';
import { notice } from '../parts/mark.js';
import { choiceOf, facts, labelled } from '../parts/plain.js';
import { plainField, plainForm } from '../parts/signin.js';
import { textBlock } from '../parts/textblock.js';

const DAY_S = 86400;
const DAYS = [1, 7, 30, 90, 365];

/** @param {import('../app/pages.js').App} app @param {any} answer */
function shown(app, { token, item }) {
  const title = h('h2', { tabindex: '-1' }, t('token.made', { name: item.name }));
  const until = item.expires ? moment(item.expires * 1000) : t('token.forever');
  return { title, nodes: [title, notice('warning', h('p', {}, t('token.once'))),
    textBlock(app, { label: t('token.value'), text: token }),
    facts([[t('administrator.role'), t(`role.${item.role}`)], [t('token.until'), until]]),
    h('p', { class: 'hint' }, t('token.use')),
    h('p', { class: 'after' },
      h('a', { class: 'button primary', href: hrefOf(['administrators']) }, t('token.done')))] };
}

/** @param {import('../app/pages.js').App} app @returns {Promise<import('../app/pages.js').Page>} */
export async function open(app) {
  const node = h('div', { class: 'stack' });
  const form = plainForm({
    fields: [
      plainField('name', t('title.name'), { autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false' },
        t('token.name.hint')),
      roleField('reader'),
      labelled(t('token.good'), choiceOf([...DAYS.map((days) => /** @type {[string, string]} */ (
        [String(days * DAY_S), t('token.days', { count: days })])), ['', t('token.forever')]],
      String(90 * DAY_S), { name: 'expires' })),
      descriptionField(''),
    ],
    action: t('token.make'),
    send: async ({ expires, ...values }) => {
      const body = { ...values, expires: expires ? Number(expires) : undefined };
      const done = shown(app, (await app.api.ask('POST', '/v1/tokens', { body })).json);
      replace(node, done.nodes);
      done.title.focus();
    },
  });
  replace(node, h('p', { class: 'hint' }, t('token.new.about')), form);
  return { title: t('new.tokens'), up: hrefOf(['administrators']), upTitle: t('nav.administrators'), content: [node] };
}
