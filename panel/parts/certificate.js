// @ts-check
/** How a certificate is, and what it is for, in words. */
import { hasText, moment, t } from '../app/text.js';
import { mark } from './mark.js';

const WARN_DAYS = 30; // as the log does
const URGENT_DAYS = 7;

/** @param {any} item */
export function certificateMark(item) {
  const days = item.certificate?.['days-left'];
  if (days === undefined) {
    return mark('busy', t('cert.waits'));
  }
  if (days < 0) {
    return mark('failed', t('cert.expired'));
  }
  const kind = days < URGENT_DAYS ? 'failed' : days < WARN_DAYS ? 'warning' : 'ok';
  return mark(kind, t('cert.days', { count: days }));
}

/** "domain contoso.example", "sip", "admin", as people say it. @param {string} use */
export function useText(use) {
  return hasText(`cert.at.${use}`) ? t(`cert.at.${use}`) : use.replace(/^(?:sip-)?domain /, '');
}

/** @param {any} item */
export function assignedText(item) {
  return item.assigned.length > 0 ? item.assigned.map(useText).join(', ') : t('cert.unused');
}

/** @param {string | null | undefined} when */
export function when(when) {
  return when ? moment(when) : null;
}
