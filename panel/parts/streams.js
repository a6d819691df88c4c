// @ts-check
/** Streams as lists show them: of all partners, and on the page of one. */
import { h } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { duration, hasText, number, t } from '../app/text.js';
import { mark } from './mark.js';

/** @typedef {import('./grid.js').Column} Column */

/** @param {any} stream */
export function streamHref(stream) {
  return hrefOf(['streams', String(stream.id)]);
}

/** Whose it is, as far as that is said. @param {any} stream */
export function streamPeer(stream) {
  return stream.remote || stream.partner || t('stream.nobody');
}

/** @param {any} stream */
export function streamMark({ authenticated, state }) {
  const kind = authenticated && state === 'ready' ? 'ok'
    : ['closing', 'ended'].includes(state) ? 'idle' : 'busy';
  return mark(kind, hasText(`stream.is.${state}`) ? t(`stream.is.${state}`) : state);
}

/** @param {string} method */
export function methodText(method) {
  return hasText(`method.${method}`) ? t(`method.${method}`) : method;
}

/** @param {any} stream */
export function tlsText({ tls, state }) {
  return tls || (state === 'connecting' ? t('none') : t('stream.clear'));
}

/** What was made of the certificate that they have shown. @param {any} stream */
function certificateText({ certificate }) {
  return t(hasText(`stream.shows.${certificate}`) ? `stream.shows.${certificate}` : 'stream.shows.refused');
}

/** @type {{[name: string]: Omit<Column, 'name' | 'title'>}} */
const SHOWN = {
  remote: { show: (stream) => [h('a', { href: streamHref(stream) }, streamPeer(stream)),
    stream.address && h('p', { class: 'hint' }, stream.address)], kind: 'name' },
  direction: { show: (stream) => t(`direction.${stream.direction}`) },
  state: { show: streamMark },
  local: { show: (stream) => stream.local, kind: 'name' },
  method: { show: (stream) => [methodText(stream.method), stream.certificate &&
    h('p', { class: 'hint' }, certificateText(stream))] },
  tls: { show: (stream) => [tlsText(stream), stream.cipher && h('p', { class: 'hint' }, stream.cipher)], kind: 'name' },
  'age-s': { show: (stream) => duration(stream['age-s']), kind: 'number' },
  'stanzas-in': { show: (stream) => number(stream['stanzas-in']), kind: 'number' },
  'stanzas-out': { show: (stream) => number(stream['stanzas-out']), kind: 'number' },
};

/** Columns by the members that they show and that the gateway sorts by. @param {string[]} names @returns {Column[]} */
export function streamColumns(names) {
  return names.map((name) => ({ name, title: t(`stream.${name}`), ...SHOWN[name] }));
}

/**
 * A table of few streams: the columns, and the body that is filled with rows.
 * @param {Column[]} columns
 * @param {Element} body
 */
export function streamTable(columns, body) {
  return h('div', { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': t('nav.streams') },
    h('table', { class: 'grid' }, h('thead', {}, h('tr', {}, columns.map((column) =>
      h('th', { scope: 'col', class: column.kind }, column.title)))), body));
}

/** @param {Column[]} columns @param {any} stream */
export function streamRow(columns, stream) {
  return h('tr', {}, columns.map((column, i) => h(i ? 'td' : 'th', { scope: i ? null : 'row', class: column.kind },
    column.show(stream))));
}

/**
 * Calls it when a stream has come, gone or been set up; messages that pass are no news of streams.
 * @param {import('../app/pages.js').App} app
 * @param {() => void} run
 * @returns {() => void} ends it
 */
export function onStreams(app, run) {
  let known = JSON.stringify(app.live.known('status')?.streams);
  const ends = [app.live.on('partners', run), app.live.on('status', ({ streams }) => {
    const now = JSON.stringify(streams);
    if (now !== known) {
      known = now;
      run();
    }
  })];
  return () => ends.forEach((end) => end());
}
