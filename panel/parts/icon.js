// @ts-check
/** Small pictures that stand beside words, never instead of them. */
import { svg } from '../app/dom.js';

/** Paths in a field of 16 by 16, drawn as lines. */
const PATHS = {
  ok: 'M3 8.5l3.2 3.2L13 5',
  warning: 'M8 2.2l6.3 11.3H1.7zM8 6.5v3.2M8 11.6v.4',
  failed: 'M8 1.7l4.4 1.9 1.9 4.4-1.9 4.4L8 14.3l-4.4-1.9L1.7 8l1.9-4.4zM5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4',
  note: 'M8 1.7a6.3 6.3 0 1 1 0 12.6A6.3 6.3 0 0 1 8 1.7zM8 7.2v4M8 4.8v.4',
  idle: 'M8 1.7a6.3 6.3 0 1 1 0 12.6A6.3 6.3 0 0 1 8 1.7zM5 8h6',
  busy: 'M8 1.7a6.3 6.3 0 1 1 0 12.6A6.3 6.3 0 0 1 8 1.7zM8 4.5V8l2.5 1.5',
  menu: 'M2 4h12M2 8h12M2 12h12',
  up: 'M8 13V3M4 7l4-4 4 4',
  down: 'M8 3v10M4 9l4 4 4-4',
  sort: 'M5 6l3-3 3 3M5 10l3 3 3-3',
  next: 'M6 3l5 5-5 5',
  back: 'M10 3L5 8l5 5',
  add: 'M8 3v10M3 8h10',
  search: 'M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zM10.3 10.3L14 14',
  close: 'M3.5 3.5l9 9M12.5 3.5l-9 9',
};

/** @param {keyof typeof PATHS} name */
export function icon(name) {
  return svg('svg', { class: 'icon', viewBox: '0 0 16 16', 'aria-hidden': 'true', focusable: 'false' },
    svg('path', { d: PATHS[name] }));
}

/** @typedef {'ok' | 'warning' | 'failed' | 'note' | 'idle' | 'busy'} Mark */
