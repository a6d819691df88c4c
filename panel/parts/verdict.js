// @ts-check
/** What a check came to: the gateway keeps the last one of DNS, and of everything. */
import { h } from '../app/dom.js';
import { moment, t } from '../app/text.js';
import { mark, notice } from './mark.js';

/**
 * As the status has it; undefined: there was none since the start.
 * @typedef {{works: boolean, verdict: string, failed: number, warnings: number, at: string, check: number}} Verdict
 */

/** @param {Verdict | undefined} last @returns {import('./icon.js').Mark} */
function kindOf(last) {
  if (!last) {
    return 'note';
  }
  return last.works ? (last.warnings ? 'warning' : 'ok') : 'failed';
}

/** In a word or two. @param {Verdict | undefined} last */
export function verdictMark(last) {
  const kind = kindOf(last);
  const count = kind === 'failed' ? last?.failed : last?.warnings;
  return mark(kind, last ? t(`verdict.${kind}`, { count: count ?? 0 }) : t('verdict.none'));
}

/** As a sentence, with its time. @param {Verdict | undefined} last */
export function verdictNotice(last) {
  return last ? notice(kindOf(last), h('p', { lang: 'en' }, last.verdict),
    h('p', { class: 'hint' }, t('verdict.at', { at: moment(last.at) })))
    : notice('note', h('p', {}, t('verdict.none')));
}
