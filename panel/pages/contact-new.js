// @ts-check
/** A contact that the people have agreed to elsewhere already: nobody is asked, and nobody is told. */
import { Refused } from '../app/api.js';
import { h, replace } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { t } from '../app/text.js';
import { notice } from '../parts/mark.js';
import { choiceOf, labelled, textInput, tick } from '../parts/plain.js';

/** @param {string[]} states @returns {[string, string][]} */
const options = (states) => states.map((state) => [state, t(`watch.${state}`)]);

/** @returns {Promise<import('../app/pages.js').Page>} @param {import('../app/pages.js').App} app */
export async function open(app) {
  const sip = textInput({ name: 'sip', required: true });
  const xmpp = textInput({ name: 'xmpp', required: true });
  const to = choiceOf(options(['no', 'asked', 'granted', 'denied']), 'granted', { name: 'sip-watches' });
  const from = choiceOf(options(['no', 'asked', 'granted']), 'granted', { name: 'xmpp-watches' });
  const added = h('input', { type: 'checkbox', name: 'added', checked: true });
  const fault = h('div', { role: 'alert' });
  let sent = false;
  const send = async () => {
    const contact = { sip: sip.value.trim(), xmpp: xmpp.value.trim(), 'sip-watches': to.value,
      'xmpp-watches': from.value, added: added.checked };
    replace(fault);
    try {
      await app.api.ask('POST', '/v1/contacts', { body: { contacts: [contact] } });
    } catch (error) {
      if (!(error instanceof Refused)) {
        throw error;
      }
      replace(fault, notice('failed', h('p', { lang: 'en' }, error.status ? error.message : t('away'))));
      return;
    }
    sent = true;
    app.say(t('contacts.made'));
    app.go(hrefOf(['contacts', contact.sip, contact.xmpp]));
  };
  const form = h('form', { class: 'plain-form wide', novalidate: true, autocomplete: 'off',
    on: { submit: (/** @type {Event} */ event) => {
      event.preventDefault();
      send();
    } } }, fault, labelled(t('contact.sip'), sip, t('contacts.new.sip')),
  labelled(t('contact.xmpp'), xmpp, t('contacts.new.xmpp')), labelled(t('contact.sip-watches'), to),
  labelled(t('contact.xmpp-watches'), from), tick(t('contact.added'), added, t('contacts.new.added')),
  h('div', { class: 'actions' }, h('button', { type: 'submit', class: 'primary' }, t('contacts.new.action'))));
  return {
    title: t('contacts.new'),
    up: hrefOf(['contacts']),
    upTitle: t('nav.contacts'),
    content: [h('p', { class: 'hint' }, t('contacts.new.about')), form],
    isDirty: () => !sent && (sip.value.trim() !== '' || xmpp.value.trim() !== ''),
  };
}
