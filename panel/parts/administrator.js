// @ts-check
/** How an administrator is, and the fields that make one. */
import { duration, t } from '../app/text.js';
import { mark } from './mark.js';
import { choiceOf, labelled, textInput } from './plain.js';

const ROLES = ['reader', 'helpdesk', 'administrator'];

/** @param {{locked?: boolean, state?: {sessions: number, 'waits-s': number}}} item */
export function administratorMark({ locked, state }) {
  if (locked) {
    return mark('failed', t('administrator.locked'));
  }
  if (state && state['waits-s'] > 0) {
    return mark('warning', t('administrator.waits', { time: duration(state['waits-s']) }));
  }
  return state && state.sessions > 0 ? mark('ok', t('administrator.here', { count: state.sessions }))
    : mark('idle', t('administrator.away'));
}

/** @param {string} chosen */
export function roleField(chosen) {
  return labelled(t('administrator.role'), choiceOf(ROLES.map((role) => [role, t(`role.${role}`)]), chosen,
    { name: 'role' }), t('administrator.role.hint'));
}

/** @param {string} value */
export function descriptionField(value) {
  return labelled(t('column.description'), textInput({ name: 'description', value, spellcheck: null }));
}
