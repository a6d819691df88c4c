// @ts-check
/**
 * What changes on the gateway, as it says it (GET /v1/events): topics "status", "partners" and "settings". A
 * connection that is lost is made again; while nobody looks there is none, as a browser has few to one server.
 */

const AGAIN_MS = 3000;
const TOPICS = ['status', 'partners', 'settings'];

export class Live {
  /**
   * @param {Object} owner
   * @param {(up: boolean) => void} owner.connected is what is shown up to date?
   * @param {() => Promise<void>} owner.refused the gateway wants no more of this session, or is not there: asks who
   *   one is
   */
  constructor(owner) {
    this.owner = owner;
    /** @type {EventSource | null} */
    this.source = null;
    this.wanted = false;
    this.timer = 0;
    /** @type {Map<string, Set<(data: any) => void>>} */
    this.listeners = new Map(TOPICS.map((topic) => [topic, new Set()]));
    /** @type {Map<string, string>} */
    this.heard = new Map();
    document.addEventListener('visibilitychange', () => this.arrange());
    addEventListener('online', () => this.arrange());
  }

  start() {
    this.wanted = true;
    this.arrange();
  }

  stop() {
    this.wanted = false;
    this.arrange();
  }

  /** Opens or closes it, as it should be now. */
  arrange() {
    const open = this.wanted && !document.hidden;
    clearTimeout(this.timer);
    if (!open) {
      this.source?.close();
      this.source = null;
    } else if (!this.source) {
      this.open();
    }
  }

  open() {
    const source = new EventSource('/v1/events');
    this.source = source;
    source.addEventListener('open', () => this.owner.connected(true));
    source.addEventListener('error', () => {
      if (source !== this.source) {
        return;
      }
      this.owner.connected(false);
      if (source.readyState === EventSource.CLOSED) { // it was refused: the browser does not try again
        this.source = null;
        this.timer = window.setTimeout(async () => {
          await this.owner.refused();
          this.arrange();
        }, AGAIN_MS);
      }
    });
    for (const topic of TOPICS) {
      source.addEventListener(topic, (event) => this.take(topic, event.data));
    }
  }

  /** After a new connection the same may come again. @param {string} topic @param {string} text */
  take(topic, text) {
    if (this.heard.get(topic) !== text) {
      this.heard.set(topic, text);
      const data = JSON.parse(text);
      this.listeners.get(topic)?.forEach((listener) => listener(data));
    }
  }

  /** What was heard last; null: nothing yet. @param {string} topic */
  known(topic) {
    return JSON.parse(this.heard.get(topic) ?? 'null');
  }

  /**
   * Calls it with what comes from now on.
   * @param {string} topic
   * @param {(data: any) => void} listener
   * @returns {() => void} ends it
   */
  on(topic, listener) {
    this.listeners.get(topic)?.add(listener);
    return () => this.listeners.get(topic)?.delete(listener);
  }
}
