// @ts-check
/**
 * A trace that runs: what passes is asked for, and drawn as it comes. It belongs to who has begun it, and ends with the
 * page, when its time is over, or when the gateway has heard nothing of this page for a minute.
 */
import { path, Refused } from '../app/api.js';
import { h, replace } from '../app/dom.js';
import { duration, t } from '../app/text.js';
import { Legs, MOST } from './legs.js';
import { mark } from './mark.js';
import { fileName, save } from './textblock.js';

/**
 * @typedef {Object} Wish
 * @property {string[]} users
 * @property {string[]} partners
 * @property {number} seconds
 * @property {boolean} [bodies]
 * @property {number} [count] it ends after so many entries
 */

const LOOK_MS = 500;
const AWAY_MS = 2000;
const PAGE = 500;

const pause = (/** @type {number} */ ms) => new Promise((resolve) => {
  setTimeout(resolve, ms);
});

export class Trace {
  /** @param {import('../app/pages.js').App} app */
  constructor(app) {
    this.app = app;
    this.id = 0; // 0: none runs
    this.head = '';
    this.name = '';
    this.most = 0; // entries; 0: no end by them
    this.came = 0;
    this.next = 0; // what is asked for next
    this.dropped = 0;
    this.left = 0; // seconds
    this.isAway = false;
    this.isClosed = false;
    this.legs = new Legs();
    /** @type {import('./legs.js').Item[]} what has come while it rests */
    this.held = [];
    this.rests = false;
    this.state = h('div', { role: 'status' });
    this.figures = h('p', { class: 'hint' });
    this.rest = h('button', { type: 'button', on: { click: () => this.restOrGo(!this.rests) } });
    this.ends = h('button', { type: 'button', on: { click: () => this.stop('stopped') } }, t('trace.stop'));
    this.node = h('section', { hidden: true }, h('h2', {}, t('trace.title')), this.state, this.figures,
      h('div', { class: 'actions trace-actions' }, this.rest, this.ends,
        h('button', { type: 'button', on: { click: () => this.clear() } }, t('trace.clear')),
        h('button', { type: 'button', on: { click: () => this.keep() } }, t('trace.save'))),
      this.legs.node);
    this.leaving = () => this.end(true);
    addEventListener('pagehide', this.leaving);
  }

  /** Begins one, in place of the one before. @param {Wish} wish */
  async start(wish) {
    const { users, partners, seconds, bodies = false, count = 0 } = wish;
    const { id } = (await this.app.api.ask('POST', '/v1/traces', { body: { users, partners, seconds, bodies } })).json;
    await this.end();
    if (this.isClosed) { // meanwhile
      this.id = id;
      await this.end();
      return;
    }
    Object.assign(this, { id, most: count, held: [], next: 0, dropped: 0, left: seconds, came: 0, isAway: false });
    this.name = [...users, ...partners][0];
    this.legs.bodies = bodies;
    this.node.hidden = this.rest.hidden = this.ends.hidden = false;
    this.clear();
    this.restOrGo(false);
    this.say('busy', t('trace.runs'));
    this.follow(id);
  }

  /** Reads on as long as it is this one. @param {number} id */
  async follow(id) {
    while (this.id === id) {
      let wait = LOOK_MS;
      try {
        const { json } = await this.app.api.get(path('traces', String(id)),
          { quiet: true, query: { after: this.next, text: 1, limit: PAGE } });
        wait = this.id === id && this.take(json) ? 0 : LOOK_MS;
      } catch (error) {
        if (!(error instanceof Refused)) {
          throw error;
        }
        wait = AWAY_MS;
        this.id === id && this.refused(error);
      }
      await pause(wait);
    }
  }

  /** What has come. True: there may be more already. @param {any} page */
  take(page) {
    /** @type {import('./legs.js').Item[]} */
    const items = page.events.map((/** @type {any} */ event) => ({ event }));
    const room = this.most ? this.most - this.came : items.length;
    const shown = items.slice(0, room);
    if (page.dropped > this.dropped) {
      shown.unshift({ gap: page.dropped - this.dropped });
    }
    this.came += page.events.length;
    Object.assign(this, { head: page.head, next: page.next, dropped: page.dropped, left: page['left-s'] });
    this.legs.bodies = page.bodies;
    this.show(shown);
    if (this.isAway) {
      this.isAway = false;
      this.say('busy', t('trace.runs'));
    }
    if (this.most && this.came >= this.most) {
      this.stop('counted');
    } else if (this.left <= 1) { // as stoxctl does: the last second is not waited for
      this.stop('over');
    }
    return page.events.length === PAGE;
  }

  /** @param {import('./legs.js').Item[]} items */
  show(items) {
    if (this.rests) {
      this.held.push(...items);
      this.legs.lost += Math.max(0, this.held.length - MOST);
      this.held = this.held.slice(-MOST);
    } else if (items.length > 0) {
      this.legs.add(items);
    }
    this.tell();
  }

  /** How much there is, and what is missing. */
  tell() {
    const { legs, held } = this;
    replace(this.figures, [t('trace.entries', { count: legs.items.length }),
      this.id > 0 && t('trace.left', { time: duration(this.left) }),
      this.dropped > 0 && t('trace.dropped', { count: this.dropped }),
      legs.lost > 0 && t('trace.lost', { count: legs.lost, most: MOST }),
      held.length > 0 && t('trace.waiting', { count: held.length })].filter(Boolean).join(' '));
  }

  /** @param {import('./icon.js').Mark} kind @param {string} text */
  say(kind, text) {
    replace(this.state, mark(kind, text));
  }

  /** @param {Refused} error */
  refused(error) {
    if (error.status === 0) {
      this.isAway = true;
      this.say('warning', t('trace.away'));
      return;
    }
    this.id = 0;
    this.over(error.status === 404 ? ['warning', t('trace.gone')] : ['failed', error.message]);
  }

  /** @param {boolean} rests what comes waits until it goes on */
  restOrGo(rests) {
    this.rests = rests;
    replace(this.rest, t(rests ? 'trace.go' : 'trace.rest'));
    if (!rests) {
      this.show(this.held.splice(0));
    }
  }

  /** @param {[import('./icon.js').Mark, string]} why */
  over([kind, text]) {
    this.restOrGo(false);
    this.rest.hidden = this.ends.hidden = true;
    this.say(kind, text);
    this.tell();
  }

  /** @param {'stopped' | 'over' | 'counted'} why */
  async stop(why) {
    const ended = this.end();
    this.over(['idle', t(`trace.is.${why}`)]);
    await ended;
  }

  /**
   * Tells the gateway; one that has ended by itself is as good.
   * @param {boolean} [leaves] the browser leaves the panel
   */
  async end(leaves = false) {
    const { id } = this;
    this.id = 0;
    if (id) {
      await this.app.api.once('DELETE', path('traces', String(id)), { quiet: true, keepalive: leaves })
        .catch(() => null);
    }
  }

  /** The page is left. */
  close() {
    this.isClosed = true;
    removeEventListener('pagehide', this.leaving);
    this.end();
  }

  clear() {
    this.held = [];
    this.legs.clear();
    this.tell();
  }

  keep() {
    const now = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
    save(fileName(`trace-${this.name}-${now}.txt`), this.legs.file(this.head));
  }
}
