// @ts-check
/** How a message ended, in a mark. */
import { h } from '../app/dom.js';
import { hasText, t } from '../app/text.js';
import { mark } from './mark.js';

const GOOD = ['delivered', 'empty'];

/**
 * @param {string} outcome as the API names it; "" while it is on its way
 * @param {...(string | number)} more SIP status, condition of the stanza error
 */
export function outcomeMark(outcome, ...more) {
  const kind = outcome === '' ? 'busy' : GOOD.includes(outcome) ? 'ok' : outcome === 'unconfirmed' ? 'note' : 'failed';
  const word = hasText(`outcome.${outcome || 'none'}`) ? t(`outcome.${outcome || 'none'}`) : outcome;
  const rest = more.filter(Boolean).join(' ');
  return mark(kind, rest ? t('outcome.with', { outcome: word, rest }) : word);
}

/**
 * One way of a conversation, as lists have it.
 * @param {string} last "refused 504"; "" of no message, or of one that is on its way
 * @param {number} count of messages that way
 */
export function wayMark(last, count) {
  const [outcome, ...more] = last.split(' ');
  const messages = h('p', { class: 'hint' }, t('talk.count', { count }));
  return count === 0 ? t('none') : [outcomeMark(outcome, ...more), messages];
}
