// @ts-check
/**
 * A small chart of counts by time. Lines differ by their stroke besides their colour, and whoever cannot see them reads
 * the sentence that goes with them.
 */
import { h, newId, svg } from '../app/dom.js';
import { number, t } from '../app/text.js';

const WIDTH = 600;
const HEIGHT = 120;

/** @typedef {{name: string, stroke: 'one' | 'two' | 'bad', values: number[]}} Series */

/** The next of 1, 2, 5, 10, 20 ... that is not below n. @param {number} n */
export function ceiling(n) {
  for (let unit = 1; ; unit *= 10) {
    const fit = [1, 2, 5].find((factor) => factor * unit >= n);
    if (fit) {
      return fit * unit;
    }
  }
}

/** Sums of so many values each, the last one of what is left. @param {number[]} values @param {number} step */
export function grouped(values, step) {
  const first = values.length % step;
  const sums = first ? [values.slice(0, first)] : [];
  for (let at = first; at < values.length; at += step) {
    sums.push(values.slice(at, at + step));
  }
  return sums.map((part) => part.reduce((sum, value) => sum + value, 0));
}

/**
 * Steps: each value is as wide as its time.
 * @param {number[]} values
 * @param {number} top
 * @param {number} room how many there could be
 */
function line(values, top, room) {
  const x = (/** @type {number} */ i) => (WIDTH * (1 - (values.length - i) / room)).toFixed(1);
  const y = (/** @type {number} */ value) => (HEIGHT * (1 - value / top)).toFixed(1);
  return values.map((value, i) => `${i ? 'V' : `M${x(0)} `}${y(value)}H${x(i + 1)}`).join('');
}

/** @param {Series} series */
function legendOf(series) {
  return h('li', { class: series.stroke }, svg('svg', { class: 'swatch', viewBox: '0 0 24 8', 'aria-hidden': 'true' },
    svg('path', { d: 'M0 4H24', class: `line ${series.stroke}` })), series.name);
}

/**
 * @param {Object} wish
 * @param {string} wish.title
 * @param {Series[]} wish.series newest value last
 * @param {number} wish.room how many values there could be
 * @param {string} wish.from when the chart begins
 * @param {string} wish.says what is to be seen, in a sentence
 */
export function chart({ title, series, room, from, says }) {
  const top = ceiling(Math.max(1, ...series.flatMap((one) => one.values)));
  const id = newId();
  const grid = [0, 0.5, 1].map((part) => svg('path', { class: 'rule', d: `M0 ${HEIGHT * part}H${WIDTH}` }));
  return h('figure', { class: 'chart' },
    h('figcaption', {}, h('h3', {}, title), h('ul', { class: 'legend' }, series.map(legendOf))),
    h('div', { class: 'plot' }, h('span', { class: 'top', 'aria-hidden': 'true' }, number(top)),
      svg('svg', { viewBox: `0 -4 ${WIDTH} ${HEIGHT + 8}`, preserveAspectRatio: 'none', role: 'img',
        'aria-labelledby': id }, grid, series.map((one) =>
        svg('path', { class: `line ${one.stroke}`, d: line(one.values, top, room) }))),
      h('div', { class: 'times', 'aria-hidden': 'true' }, h('span', {}, from), h('span', {}, t('chart.now')))),
    h('p', { class: 'hint', id }, says));
}
