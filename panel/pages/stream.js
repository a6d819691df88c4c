// @ts-check
/** One stream: with whom, how it is secured and proven, and what its set-up did. */
import { path, Refused } from '../app/api.js';
import { h } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { duration, number, t } from '../app/text.js';
import { confirm } from '../parts/dialog.js';
import { Ladder } from '../parts/ladder.js';
import { mark, notice } from '../parts/mark.js';
import { Part } from '../parts/part.js';
import { facts } from '../parts/plain.js';
import { methodText, onStreams, streamMark, streamPeer, tlsText } from '../parts/streams.js';

/** @typedef {import('../app/pages.js').App} App */

const GOOD = ['ok', 'dane', 'pinned'];

/** @param {string} kind @param {string} name */
const linkTo = (kind, name) => name && h('a', { href: hrefOf([kind, name]) }, name);

/** @param {any} stream */
function nowOf(stream) {
  return facts([[t('stream.state'), streamMark(stream)],
    [t('stream.awaits'), stream.state === 'ready' ? '' : h('span', { lang: 'en' }, stream.awaits)],
    [t('stream.age-s'), duration(stream['age-s'])], [t('stream.idle-s'), duration(stream['idle-s'])],
    [t('stream.stanzas-in'), number(stream['stanzas-in'])], [t('stream.stanzas-out'), number(stream['stanzas-out'])]]);
}

/** @param {any} stream */
function factsOf(stream) {
  return facts([[t('stream.partner'), linkTo('partners', stream.partner)], [t('stream.remote'), stream.remote],
    [t('stream.local'), linkTo('domains', stream.local)], [t('stream.direction'), t(`direction.${stream.direction}`)],
    [t('stream.address'), stream.address], [t('stream.tls'), tlsText(stream)], [t('stream.cipher'), stream.cipher],
    [t('stream.method'), methodText(stream.method)],
    [t('stream.confirms'), t(stream['stream-management'] ? 'yes' : 'no')]]);
}

/** The certificate that the peer has shown, and what was made of it. @param {any} stream */
function certificateOf({ certificate, shown, pin, tls }) {
  if (!shown && !certificate) {
    return h('p', { class: 'hint' }, t(tls ? 'stream.cert.none' : 'stream.cert.clear'));
  }
  const verdict = GOOD.includes(certificate) ? notice('ok', h('p', {}, t(`stream.cert.${certificate}`)))
    : certificate && notice('warning', h('p', {}, t('stream.cert.refused')), h('p', { lang: 'en' }, certificate));
  return [verdict, shown && facts([[t('cert.subject'), shown.subject && h('code', {}, shown.subject)],
    [t('cert.column.names'), shown.names.join(', ')], [t('cert.issuer'), shown.issuer && h('code', {}, shown.issuer)],
    [t('cert.column.until'), shown.until], [t('cert.pin'), pin && h('code', {}, pin)]])];
}

/** Which domains it carries stanzas for; one pair is what stands above already. @param {any[]} pairs */
function pairsOf(pairs) {
  const head = ['local', 'remote', 'method'].map((name) => h('th', { scope: 'col' }, t(`stream.${name}`)));
  const rows = pairs.map((pair) => h('tr', {}, h('th', { scope: 'row' }, pair.local), h('td', {}, pair.remote),
    h('td', {}, methodText(pair.method))));
  return pairs.length > 1 && h('section', {}, h('h2', {}, t('stream.pairs')),
    h('div', { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': t('stream.pairs') },
      h('table', {}, h('thead', {}, h('tr', {}, head)), h('tbody', {}, rows))));
}

/** All that is shown of one, kept up to date. */
class View {
  constructor() {
    this.now = new Part(nowOf);
    this.facts = new Part(factsOf);
    this.certificate = new Part(certificateOf);
    this.certificate.node.classList.add('stack');
    this.pairs = new Part(pairsOf);
    this.ladder = new Ladder(t('ladder.label'));
    this.end = h('div', { role: 'status' });
  }

  /** @param {any} stream */
  show(stream) {
    const { certificate, shown, pin, tls } = stream;
    this.now.show(stream);
    this.facts.show({ ...stream, 'age-s': 0, 'idle-s': 0, 'stanzas-in': 0, 'stanzas-out': 0 });
    this.certificate.show({ certificate, shown, pin, tls });
    this.pairs.show(stream.pairs);
    this.ladder.show(stream.steps);
  }

  /** It is there no longer: what was known of it last stays. */
  ended() {
    if (!this.end.hasChildNodes()) {
      this.end.append(notice('note', h('p', {}, t('stream.ended'))));
      this.now.show({ ...JSON.parse(this.now.drawn), state: 'ended' });
    }
  }

  nodes() {
    return [this.end, this.now.node, this.facts.node,
      h('section', {}, h('h2', {}, t('stream.certificate')), this.certificate.node), this.pairs.node,
      h('section', {}, h('h2', {}, t('stream.steps')), this.ladder.node)];
  }
}

/** @param {App} app @param {any} stream */
function closeButton(app, stream) {
  const close = async () => {
    const sure = await confirm({ title: t('stream.close.title', { name: streamPeer(stream) }), danger: true,
      text: t('stream.close.text'), action: t('stream.close') });
    if (sure) {
      await app.api.ask('DELETE', path('streams', String(stream.id)));
      app.say(t('stream.closed'));
    }
  };
  return h('button', { type: 'button', class: 'danger', on: { click: () => app.attempt(close) } }, t('stream.close'));
}

/** Nothing is to be closed any more; whoever was on the button is at the heading. @param {HTMLElement | null} button */
function leave(button) {
  const wasThere = button !== null && document.activeElement === button;
  button?.remove();
  if (wasThere) {
    document.querySelector('h1')?.focus();
  }
}

/**
 * @param {App} app
 * @param {import('../app/pages.js').PagePlace} place
 * @returns {Promise<import('../app/pages.js').Page>}
 */
export async function open(app, place) {
  const where = path('streams', place.values.id);
  const common = { up: hrefOf(['streams']), upTitle: t('nav.streams') };
  const first = await app.api.get(where).then((answer) => answer.json, (error) => {
    if (error instanceof Refused && error.status === 404) {
      return null;
    }
    throw error;
  });
  if (!first) {
    return { ...common, title: t('stream.gone'), content: [h('p', {}, t('stream.gone.text'))] };
  }
  const view = new View();
  const button = app.api.may('helpdesk') ? closeButton(app, first) : null;
  const look = async () => {
    try {
      view.show((await app.api.get(where, { quiet: true })).json);
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 404) {
        throw error;
      }
      ends.forEach((end) => end());
      leave(button);
      view.ended();
    }
  };
  const ends = [app.every(3, look), onStreams(app, () => app.attempt(look))];
  view.show(first);
  return { ...common, title: t('stream.title', { name: streamPeer(first) }), actions: button ? [button] : [],
    content: view.nodes(), close: () => ends.forEach((end) => end()) };
}
