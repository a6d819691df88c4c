// @ts-check
/** How a message ended, in a mark. */
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
 * "refused 504", as lists have it; "" of no message, or of one that is on its way.
 * @param {string} text
 * @param {number} count of messages that way
 */
export function lastMark(text, count) {
  if (count === 0) {
    return t('none');
  }
  const [outcome, ...more] = text.split(' ');
  return outcomeMark(outcome, ...more);
}
