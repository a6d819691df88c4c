// @ts-check
/**
 * The ladder with two legs: SIP left, XMPP right, Stox between them, one entry for each thing that passed. It is a
 * list: what the drawing says by place and arrow, each entry says in words too. Entries are opened for their texts; the
 * arrow keys go from one to the next. Only the newest stay.
 */
import { h, replace } from '../app/dom.js';
import { PAGES } from '../app/pages.js';
import { hrefOf } from '../app/router.js';
import { exactTime, number, t } from '../app/text.js';
import { icon } from './icon.js';
import { facts } from './plain.js';

/**
 * @typedef {Object} Event as GET /v1/traces/ID gives it, with text
 * @property {number} n
 * @property {number} at-ms
 * @property {string} conversation
 * @property {string} message
 * @property {string} sip
 * @property {string} xmpp
 * @property {'sip' | 'gateway' | 'xmpp' | 'stream'} leg
 * @property {'in' | 'out' | 'here'} direction
 * @property {'ok' | 'failed' | 'note'} result
 * @property {string} what
 * @property {string} details
 * @property {string} [body]
 * @property {string} between
 * @property {string} text
 *
 * @typedef {{event: Event} | {gap: number}} Item gap: so many events are missing there
 * @typedef {{n: number, rungs: Set<Rung>}} Group a message: its number, and its entries
 */

/** Entries that are kept. */
export const MOST = 2000;

const NEAR_END = 150; // pixels: whoever is so near the end wants to see what comes

/** May it have a text that is not shown? @param {Event} event */
const bears = ({ leg, what }) => (leg === 'sip' && what.startsWith('MESSAGE ')) || /^message id=/.test(what);

/** @param {Event} one @param {Event | undefined} other */
const samePair = (one, other) => one.sip === other?.sip && one.xmpp === other?.xmpp;

/** The page of a conversation, if there is one. @param {string} id */
function conversationOf(id) {
  const there = PAGES.some((row) => /^conversations\/:/.test(row.path));
  return id && (there ? h('a', { href: hrefOf(['conversations', id]) }, id) : h('code', {}, id));
}

/** One entry, closed at first. */
class Rung {
  /** @param {Legs} owner @param {Event} event @param {Group | null} group of its message */
  constructor(owner, event, group) {
    this.owner = owner;
    this.event = event;
    this.group = group?.n ?? 0;
    this.fellows = group?.rungs ?? new Set();
    this.fellows.add(this);
    this.time = exactTime(event['at-ms']);
    this.people = h('p', { class: 'people' });
    /** @type {Element | null} */
    this.more = null;
    this.button = h('button', { type: 'button', class: 'entry', tabindex: '-1', 'aria-expanded': 'false' },
      h('span', { class: 'time' }, this.time), this.side(), this.hub());
    this.node = h('li', { class: `rung ${event.leg} ${event.direction} ${event.result}` }, this.people, this.button);
    this.button.addEventListener('click', () => this.toggle());
    this.button.addEventListener('focus', () => owner.chosen(this));
  }

  side() {
    const { leg, direction, result, what, details } = this.event;
    return h('span', { class: 'side' }, leg === 'gateway' && this.badge(), h('span', { class: 'what' },
      h('span', { class: 'unseen' }, `${t(`legs.way.${leg}.${direction}`)}: `),
      result === 'failed' && [icon('failed'), h('span', { class: 'unseen' }, `${t('legs.failed')}: `)],
      result === 'ok' && icon('ok'), leg === 'stream' && h('b', { lang: 'en' }, `${details}: `),
      h('span', { lang: 'en' }, what)),
    leg !== 'gateway' && h('span', { class: 'arrow', 'aria-hidden': 'true' }));
  }

  hub() {
    return h('span', { class: 'hub' }, this.event.leg !== 'gateway' && this.badge());
  }

  /** The number of its message. */
  badge() {
    return this.group > 0 && h('span', { class: 'group' }, h('span', { class: 'unseen' }, `${t('legs.message')} `),
      number(this.group));
  }

  /** Whom it is about, where these are others than before. @param {boolean} shown */
  name(shown) {
    replace(this.people, shown && [h('span', {}, 'SIP: ', this.event.sip || t('none')), ' ',
      h('span', {}, 'XMPP: ', this.event.xmpp)]);
  }

  toggle() {
    const opens = !this.more;
    this.more?.remove();
    this.more = opens ? this.text() : null;
    this.button.setAttribute('aria-expanded', String(opens));
    if (this.more) {
      this.node.append(this.more);
      this.more.scrollIntoView({ block: 'nearest' });
    }
  }

  text() {
    const { event } = this;
    return h('div', { class: 'more' }, facts([
      [t('legs.when'), h('code', {}, new Date(event['at-ms']).toISOString())],
      [t('legs.way'), t(`legs.way.${event.leg}.${event.direction}`)],
      ['SIP', event.sip], ['XMPP', event.xmpp], [t('legs.conversation'), conversationOf(event.conversation)],
      [t('legs.what'), h('code', { lang: 'en' }, event.what)],
      [t('legs.details'), event.details && h('code', { lang: 'en' }, event.details)],
      [t('legs.body'), this.body()]]), this.others());
  }

  body() {
    const { body } = this.event;
    if (body !== undefined) {
      return h('span', { class: 'body' }, body);
    }
    return bears(this.event) && !this.owner.bodies && h('span', { class: 'hint' }, t('legs.hidden'));
  }

  /** The other entries of the same message, on both legs. */
  others() {
    const others = [...this.fellows].filter((rung) => rung !== this);
    return this.group > 0 && h('div', {}, h('p', {}, t('legs.same', { n: this.group, count: others.length })),
      h('ul', { class: 'same-message' }, others.map((rung) => h('li', {}, h('button', { type: 'button', class: 'quiet',
        on: { click: () => rung.node.isConnected && rung.button.focus() } }, rung.time, ' ',
      t(`legs.way.${rung.event.leg}.${rung.event.direction}`), ': ', h('span', { lang: 'en' }, rung.event.what))))));
  }
}

export class Legs {
  constructor() {
    this.list = h('ol', { class: 'rungs', 'aria-label': t('legs.label') });
    this.list.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => this.key(event));
    this.room = h('div', { class: 'room' }, h('div', { class: 'lanes', 'aria-hidden': 'true' },
      ['legs.time', 'legs.sip', 'legs.stox', 'legs.xmpp'].map((key) => h('span', {}, t(key)))), this.list);
    this.none = h('p', { class: 'hint' }, t('legs.none'));
    this.node = h('div', { class: 'legs' }, h('p', { class: 'hint' }, t('legs.keys')), this.none, this.room);
    this.bodies = false; // are texts of messages told?
    /** @type {Item[]} */
    this.items = [];
    /** @type {{node: Element, rung: Rung | null}[]} beside items */
    this.rows = [];
    /** @type {Map<string, Group>} messages that there are entries of */
    this.groups = new Map();
    this.messages = 0; // that have been seen
    /** @type {Event | undefined} */
    this.last = undefined;
    /** @type {Rung | null} where the Tab key comes in */
    this.current = null;
    /** @type {Rung[]} what stands out */
    this.marked = [];
    this.lost = 0; // of the oldest, that have made room
    this.draw();
  }

  clear() {
    this.items = [];
    this.rows = [];
    this.groups.clear();
    this.messages = this.lost = 0;
    this.last = undefined;
    this.current = null;
    replace(this.list);
    this.draw();
  }

  get rungs() {
    return /** @type {Rung[]} */ (this.rows.map(({ rung }) => rung).filter(Boolean));
  }

  draw() {
    this.none.hidden = this.items.length > 0;
    this.room.hidden = this.items.length === 0;
  }

  /** What has come, in its order. @param {Item[]} items */
  add(items) {
    const { room } = this;
    const follows = room.scrollHeight - room.scrollTop - room.clientHeight < NEAR_END;
    const rows = items.slice(-MOST).map((item) => this.rowOf(item));
    this.lost += Math.max(0, items.length - MOST);
    this.list.append(...rows.map((row) => row.node));
    this.trim();
    this.draw();
    if (!this.current || follows && !room.contains(document.activeElement)) {
      this.mayBeReached(this.rungs.at(-1) ?? null);
    }
    if (follows) {
      room.scrollTop = room.scrollHeight;
    }
  }

  /** @param {Item} item */
  rowOf(item) {
    const rung = 'event' in item ? new Rung(this, item.event, this.groupOf(item.event.message)) : null;
    if (rung) {
      rung.name(!samePair(rung.event, this.last));
      this.last = rung.event;
    }
    const node = rung?.node ?? h('li', { class: 'gap' }, 'gap' in item && t('legs.gap', { count: item.gap }));
    const row = { rung, node };
    this.items.push(item);
    this.rows.push(row);
    return row;
  }

  /** Messages are numbered as they come. @param {string} message */
  groupOf(message) {
    if (!message) {
      return null;
    }
    const group = this.groups.get(message) ?? { n: ++this.messages, rungs: new Set() };
    this.groups.set(message, group);
    return group;
  }

  /** @param {Rung | null} rung whose entry is gone */
  forget(rung) {
    rung?.fellows.delete(rung);
    if (rung?.group && rung.fellows.size === 0) {
      this.groups.delete(rung.event.message);
    }
  }

  trim() {
    const over = Math.max(0, this.items.length - MOST);
    if (over > 0) {
      this.items.splice(0, over);
      const gone = this.rows.splice(0, over);
      gone.forEach(({ node, rung }) => {
        node.remove();
        this.forget(rung);
      });
      this.lost += over;
      this.rungs[0]?.name(true);
      if (gone.some(({ rung }) => rung === this.current)) {
        this.mayBeReached(this.rungs[0] ?? null);
      }
    }
  }

  /** The one entry that the Tab key comes to. @param {Rung | null} rung */
  mayBeReached(rung) {
    this.current?.button.setAttribute('tabindex', '-1');
    rung?.button.setAttribute('tabindex', '0');
    this.current = rung;
  }

  /** Its message stands out. @param {Rung} chosen */
  chosen(chosen) {
    this.mayBeReached(chosen);
    this.marked.forEach((rung) => rung.node.classList.remove('same'));
    this.marked = chosen.group ? [...chosen.fellows] : [];
    this.marked.forEach((rung) => rung.node.classList.add('same'));
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { rungs } = this;
    const at = rungs.findIndex((rung) => rung.button === event.target);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rungs.length - 1 }[event.key];
    if (at >= 0 && to !== undefined) {
      event.preventDefault();
      rungs[to]?.button.focus();
    }
  }

  /** The file that stoxctl trace --output writes of the same. @param {string} head */
  file(head) {
    const parts = [head];
    if (this.lost > 0) {
      parts.push(`(${this.lost} events are missing here: only the newest ${MOST} are kept)\n`);
    }
    /** @type {Event | undefined} */
    let before;
    for (const item of this.items) {
      if ('gap' in item) {
        parts.push(`(${item.gap} events are missing here: more passed than could be read)\n`);
      } else {
        parts.push(samePair(item.event, before) ? '' : item.event.between, item.event.text);
        before = item.event;
      }
    }
    return parts.join('');
  }
}
