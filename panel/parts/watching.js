// @ts-check
/** Who watches whose presence, in marks and words; and from where contacts are removed. */
import { moment, t } from '../app/text.js';
import { mark } from './mark.js';

/** @type {Object<string, import('./icon.js').Mark>} */
const MARKS = { no: 'idle', asked: 'busy', granted: 'ok', denied: 'failed' };

/** @param {string} state */
export function watchMark(state) {
  return mark(MARKS[state] ?? 'idle', t(`watch.${state}`));
}

/** @param {string} since "" when nothing has happened yet */
export function sinceText(since) {
  return since ? moment(since) : t('none');
}
