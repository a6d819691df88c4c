// @ts-check
/**
 * A request for a certificate, step by step: the same questions, defaults and proposals as `stoxctl cert request`. With
 * the name of one that is there its successor is asked for, and the earlier answers stand in every step.
 */
import { path, Refused } from '../app/api.js';
import { h, replace } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { t } from '../app/text.js';
import { outcome } from '../parts/findings.js';
import { notice } from '../parts/mark.js';
import { facts, labelled, radios, textInput, tick } from '../parts/plain.js';
import { fileName, textBlock } from '../parts/textblock.js';

/** @typedef {import('../app/pages.js').App} App */

/**
 * @typedef {Object} Step
 * @property {string} title
 * @property {import('../app/dom.js').Child[]} content
 * @property {() => void} read takes what was answered
 * @property {string[]} settings that it asks for
 */

const SUBJECT = ['organization', 'unit', 'country', 'state-or-province', 'locality'];
const NAMES = /^names:/; // begins the API's sentences about names, which may come in every step

/** @param {string} text */
const linesOf = (text) => text.split('\n').map((line) => line.trim()).filter(Boolean);

class Wizard {
  /**
   * @param {App} app
   * @param {any} before the certificate that is there; null: none
   * @param {string[]} domains that are served
   * @param {any} declared the properties of a certificate
   */
  constructor(app, before, domains, declared) {
    this.app = app;
    this.before = before;
    this.domains = domains;
    this.declared = declared;
    this.name = before?.name ?? '';
    this.file = '';
    this.answers = { use: this.first('use'), profile: this.first('profile'), 'friendly-name': '',
      'key-type': this.first('key-type'), exportable: true,
      ...Object.fromEntries(SUBJECT.map((name) => [name, before?.[name] ?? ''])),
      'sip-domains': before?.['sip-domains'] ?? [], ...this.earlier() };
    /** @type {string[]} */
    this.names = [];
    this.proposedFor = '';
    this.at = 0;
    this.done = false;
    this.fault = h('div', { role: 'alert' });
    this.node = h('div', { class: 'wizard' });
    this.makers = [this.purpose, this.later, this.profile, this.key, this.subject,
      ...(domains.length > 0 ? [this.sipDomains] : []), this.namesStep, this.summary];
  }

  earlier() {
    return this.before ? Object.fromEntries(['use', 'profile', 'friendly-name', 'key-type', 'exportable']
      .map((name) => [name, this.before[name]])) : {};
  }

  /** The first choice is the default. @param {string} setting */
  first(setting) {
    return this.declared[setting].enum[0];
  }

  /** @param {string} setting @param {string} legend @param {string} texts @param {boolean} [hints] */
  choice(setting, legend, texts, hints = true) {
    const options = this.declared[setting].enum.map((/** @type {string} */ value) => ({ value,
      text: t(`${texts}.${value}`), hint: hints ? t(`${texts}.${value}.about`) : undefined }));
    return radios(setting, legend, options, this.answers[/** @type {'use'} */ (setting)]);
  }

  // ---- the steps ----

  /** @returns {Step} */
  purpose() {
    const name = textInput({ name: 'name', value: this.name, required: true });
    const use = this.choice('use', t('wizard.use'), 'cert.use');
    return { title: t('wizard.step.use'), settings: ['name', 'use'],
      content: [this.before ? h('p', { class: 'hint' }, t('wizard.again'))
        : labelled(t('wizard.name'), name, t('wizard.name.hint')), use.node],
      read: () => {
        this.name = this.before ? this.name : name.value.trim();
        this.answers.use = use.read();
      } };
  }

  /** @returns {Step} */
  later() {
    const file = textInput({ name: 'file', value: this.file || `${fileName(this.name)}.csr` });
    return { title: t('wizard.step.later'), settings: [], content: [h('p', {}, t('wizard.later')),
      labelled(t('wizard.file'), file)],
    read: () => {
      this.file = fileName(file.value.trim());
    } };
  }

  /** @returns {Step} */
  profile() {
    const profile = this.choice('profile', t('wizard.profile'), 'cert.profile');
    return { title: t('wizard.step.profile'), settings: ['profile'], content: [profile.node],
      read: () => {
        this.answers.profile = profile.read();
      } };
  }

  /** @returns {Step} */
  key() {
    const friendly = textInput({ name: 'friendly-name', value: this.answers['friendly-name'], autocapitalize: null });
    const type = this.choice('key-type', t('wizard.key'), 'cert.key', false);
    const fixed = this.before?.exportable === false;
    const may = h('input', { type: 'checkbox', name: 'exportable', checked: this.answers.exportable, disabled: fixed });
    return { title: t('wizard.step.key'), settings: ['friendly-name', 'key-type', 'exportable'],
      content: [labelled(t('wizard.friendly'), friendly, t('wizard.friendly.hint')), type.node,
        tick(t('wizard.exportable'), may, t(fixed ? 'wizard.exportable.never' : 'wizard.exportable.hint'))],
      read: () => {
        this.answers = { ...this.answers, 'friendly-name': friendly.value.trim(), 'key-type': type.read(),
          exportable: may.checked };
      } };
  }

  /** @returns {Step} */
  subject() {
    /** @type {Object<string, any>} */
    const answers = this.answers;
    const inputs = SUBJECT.map((name) => textInput({ name, value: answers[name], autocapitalize: null,
      maxlength: name === 'country' ? 2 : null }));
    return { title: t('wizard.step.subject'), settings: SUBJECT, content: [h('p', {}, t('wizard.subject')),
      ...SUBJECT.map((name, i) => labelled(t(`wizard.${name}`), inputs[i]))],
    read: () => SUBJECT.forEach((name, i) => {
      answers[name] = inputs[i].value.trim();
    }) };
  }

  /** @returns {Step} */
  sipDomains() {
    const inputs = this.domains.map((value) => h('input', { type: 'checkbox', value,
      checked: this.answers['sip-domains'].includes(value) }));
    const all = (/** @type {boolean} */ checked) => inputs.forEach((input) => {
      input.checked = checked;
    });
    return { title: t('wizard.step.domains'), settings: ['sip-domains'], content: [
      h('fieldset', { class: 'radios' }, h('legend', {}, t('wizard.domains')), h('div', { class: 'actions' },
        h('button', { type: 'button', on: { click: () => all(true) } }, t('wizard.all')),
        h('button', { type: 'button', on: { click: () => all(false) } }, t('wizard.none'))),
      this.domains.map((domain, i) => tick(domain, inputs[i])))],
    read: () => {
      this.answers['sip-domains'] = inputs.filter((input) => input.checked).map((input) => input.value);
    } };
  }

  /** @returns {Step} */
  namesStep() {
    const area = h('textarea', { name: 'names', rows: Math.min(12, this.names.length + 3), spellcheck: 'false',
      autocapitalize: 'none' });
    area.value = this.names.join('\n');
    return { title: t('wizard.step.names'), settings: ['names'],
      content: [labelled(t('wizard.names'), area, t('wizard.names.hint'))],
      read: () => {
        this.names = linesOf(area.value);
      } };
  }

  /** @returns {Step} */
  summary() {
    const { answers } = this;
    const subject = SUBJECT.map((name) => /** @type {any} */ (answers)[name]).filter(Boolean).join(', ');
    return { title: t('wizard.step.summary'), settings: [], read: () => undefined, content: [
      h('p', {}, t('wizard.summary')), facts([[t('wizard.name'), this.name],
        [t('cert.column.use'), t(`cert.use.${answers.use}`)],
        [t('wizard.step.profile'), t(`cert.profile.${answers.profile}`)],
        [t('wizard.friendly'), answers['friendly-name']], [t('wizard.key'), t(`cert.key.${answers['key-type']}`)],
        [t('wizard.exportable'), t(answers.exportable ? 'yes' : 'no')], [t('wizard.step.subject'), subject],
        [t('wizard.step.domains'), answers['sip-domains'].join(', ')],
        [t('cert.column.names'), h('ul', {}, this.names.map((name) => h('li', {}, h('code', {}, name))))],
        [t('wizard.file'), this.file]])] };
  }

  // ---- from one to the next ----

  /** @param {boolean} takeFocus */
  show(takeFocus) {
    const step = this.makers[this.at].call(this);
    const last = this.at === this.makers.length - 1;
    const title = h('h2', { tabindex: '-1' }, step.title);
    replace(this.fault);
    const form = h('form', { class: 'plain-form wide', novalidate: true, autocomplete: 'off', on: {
      submit: (/** @type {Event} */ event) => {
        event.preventDefault();
        this.next(step, last);
      } } }, h('p', { class: 'hint' }, t('wizard.at', { n: this.at + 1, of: this.makers.length })), title, step.content,
    this.fault, h('div', { class: 'actions' },
      h('button', { type: 'submit', class: 'primary' }, t(last ? 'wizard.make' : 'wizard.next')),
      this.at > 0 && h('button', { type: 'button', on: { click: () => this.back(step) } }, t('wizard.back'))));
    replace(this.node, form);
    if (takeFocus) {
      title.focus();
    }
  }

  /** @param {Step} step */
  back(step) {
    step.read();
    this.at -= 1;
    this.show(true);
  }

  /** @param {Step} step @param {boolean} last */
  async next(step, last) {
    step.read();
    try {
      if (last) {
        this.finish(await this.send(false, this.names));
        return;
      }
      await this.judge(step);
      this.at += 1;
      if (this.makers[this.at] === this.namesStep) {
        await this.propose();
      }
      this.show(true);
    } catch (error) {
      if (!(error instanceof Refused)) {
        throw error;
      }
      replace(this.fault, notice('failed', h('p', { lang: error.status ? 'en' : null },
        error.status ? error.message : t('away'))));
      (this.node.querySelector(`[name="${CSS.escape(error.setting ?? '')}"]`) ??
        this.node.querySelector('input, textarea'))?.focus();
    }
  }

  /** What the API refuses in this step; what belongs to later ones waits. @param {Step} step */
  async judge(step) {
    const all = this.makers[this.at] === this.namesStep;
    try {
      await this.send(true, all ? this.names : this.proposal());
    } catch (error) {
      if (!(error instanceof Refused) || error.status === 0 || all ||
        (error.setting ? step.settings.includes(error.setting) : !NAMES.test(error.message))) {
        throw error;
      }
    }
  }

  /** null: what is proposed; undefined: what there was before. */
  proposal() {
    const { before, answers } = this;
    const same = before && answers.use === before.use &&
      JSON.stringify(answers['sip-domains']) === JSON.stringify(before['sip-domains']);
    return before && !same ? null : undefined;
  }

  /** Proposed anew only if what it follows from is another. */
  async propose() {
    const from = JSON.stringify([this.answers.use, this.answers['sip-domains']]);
    if (from === this.proposedFor) {
      return;
    }
    try {
      this.names = (await this.send(true, this.proposal())).item.names;
    } catch (error) {
      if (!(error instanceof Refused) || !NAMES.test(error.message)) {
        throw error;
      }
      this.names = []; // there is nothing to propose: they are all to be given
    }
    this.proposedFor = from;
  }

  /** @param {boolean} dry @param {string[] | null | undefined} names undefined: none are given */
  async send(dry, names) {
    const where = this.before ? path('certificates', this.name, 'request') : path('certificates');
    const body = { ...this.answers, ...(this.before ? {} : { name: this.name }), names };
    return (await this.app.api.ask('POST', where, { query: { 'dry-run': dry ? 1 : undefined }, body })).json;
  }

  /** @param {any} answer */
  finish(answer) {
    const { item } = answer;
    const title = h('h2', { tabindex: '-1' }, t('wizard.done'));
    this.done = true;
    replace(this.node, title, outcome(answer), h('p', { class: 'after' }, t('wizard.done.next')),
      textBlock(this.app, { label: t('cert.csr'), text: item.request, file: this.file }),
      h('details', {}, h('summary', {}, t('cert.csr.view')), h('pre', { class: 'block', tabindex: '0', role: 'region',
        'aria-label': t('cert.csr.view'), lang: 'en' }, item['request-text'])),
      h('p', { class: 'after' }, h('a', { class: 'button', href: hrefOf(['certificates', item.name]) },
        t('wizard.done.go'))));
    title.focus();
  }
}

/** Every SIP domain, as many as there are. @param {App} app */
export async function domainsOf(app) {
  /** @type {string[]} */
  const names = [];
  /** @type {string | null} */
  let after = '';
  while (after !== null && names.length < 1000) {
    const { json } = await app.api.get('/v1/domains', { query: { limit: 1000, after } });
    names.push(...json.items.map((/** @type {any} */ one) => one.name));
    after = json.next;
  }
  return names;
}

/**
 * @param {App} app
 * @param {import('../app/pages.js').PagePlace} place
 * @returns {Promise<import('../app/pages.js').Page>}
 */
export async function open(app, place) {
  const name = place.values.name;
  const [before, domains, { components }] = await Promise.all([
    name ? app.api.get(path('certificates', name)).then((answer) => answer.json) : null, domainsOf(app),
    app.schema.load()]);
  const wizard = new Wizard(app, before, domains, components.schemas.Certificate.properties);
  wizard.show(false);
  return {
    title: before ? t('wizard.title.again', { name }) : t('wizard.title'),
    up: before ? hrefOf(['certificates', name]) : hrefOf(['certificates']),
    upTitle: before ? name : t('nav.certificates'),
    content: [wizard.node],
    isDirty: () => wizard.at > 0 && !wizard.done,
  };
}
