// @ts-check
/** What a set-up or a test did, step by step. */
import { h, replace } from '../app/dom.js';
import { hasText, number, t } from '../app/text.js';
import { mark } from './mark.js';

/** @typedef {{ms: number, step: string, result: 'ok' | 'failed' | 'note', text: string}} Step */

/** @param {Step} step */
function row(step) {
  return h('li', { class: step.result },
    h('span', { class: 'ms' }, t('ladder.ms', { ms: number(step.ms) })),
    h('span', { class: 'step' }, mark(step.result, hasText(`step.${step.step}`) ? t(`step.${step.step}`) : step.step)),
    h('span', { class: 'what', lang: 'en' }, step.text));
}

/** A list of steps that grows. */
export class Ladder {
  /** @param {string} label */
  constructor(label) {
    this.node = h('ol', { class: 'ladder', 'aria-label': label });
    this.n = 0;
  }

  /** @param {Step[]} steps all so far */
  show(steps) {
    if (steps.length < this.n) {
      replace(this.node);
      this.n = 0;
    }
    this.node.append(...steps.slice(this.n).map(row));
    this.n = steps.length;
  }
}
