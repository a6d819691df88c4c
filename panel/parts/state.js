// @ts-check
/** How a partner is, in a mark. */
import { duration, t } from '../app/text.js';
import { mark } from './mark.js';

/** @param {{is: string, in?: number, out?: number, 'failed-s'?: number}} state */
export function stateMark(state) {
  if (state.is === 'failing') {
    return mark('failed', t('state.failing', { ago: duration(state['failed-s'] ?? 0) }));
  }
  return state.is === 'connected'
    ? mark('ok', t('state.connected', { count: (state.in ?? 0) + (state.out ?? 0) }))
    : mark('idle', t('state.idle'));
}
