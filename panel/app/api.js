// @ts-check
/**
 * Requests to the gateway (docs/API.md). What changes something carries the session's secret; what was refused is a
 * `Refused` with the API's own sentence.
 */

/** A request that was not done; `message` is the API's sentence. */
export class Refused extends Error {
  /**
   * @param {number} status 0: there was no answer
   * @param {{detail?: string, code?: string, setting?: string, defects?: any[]}} problem
   */
  constructor(status, problem) {
    super(problem.detail ?? `HTTP ${status}`);
    this.status = status;
    this.code = problem.code ?? '';
    this.setting = problem.setting;
    this.defects = problem.defects ?? []; // of a certificate: all that is wrong with it
  }
}

/**
 * @typedef {Object} Answer
 * @property {number} status
 * @property {any} json null where there is no body
 * @property {string} tag the ETag, "" without
 *
 * @typedef {Object} Wish
 * @property {any} [body] what becomes JSON
 * @property {Object<string, string | number | undefined>} [query]
 * @property {string} [tag] only if the object still has this ETag
 * @property {AbortSignal} [signal]
 * @property {boolean} [quiet] of the page itself: it does not keep an idle session alive
 */

/** @typedef {{name: string, role: string, csrf: string, expires: number}} Who */

const ROLES = ['reader', 'helpdesk', 'administrator'];

/** A path of encoded parts: path('partners', name). @param {...string} parts */
export function path(...parts) {
  return `/v1/${parts.map(encodeURIComponent).join('/')}`;
}

export class Api {
  /**
   * @param {{signIn: () => Promise<boolean>}} owner called when there is no session (any more), once for all requests
   *   that wait for it; true: there is one again, and the requests are sent once more
   */
  constructor(owner) {
    this.owner = owner;
    /** @type {Who | null} */
    this.who = null;
    /** @type {Promise<boolean> | null} */
    this.signingIn = null;
  }

  /** May who is signed in do what takes this role? @param {string} role */
  may(role) {
    return this.who !== null && ROLES.indexOf(this.who.role) >= ROLES.indexOf(role);
  }

  /** @param {string} where @param {Wish} [wish] */
  get(where, wish) {
    return this.ask('GET', where, wish);
  }

  /**
   * @param {string} method
   * @param {string} where
   * @param {Wish} [wish]
   * @returns {Promise<Answer>}
   */
  async ask(method, where, wish = {}) {
    for (;;) {
      try {
        return await this.once(method, where, wish);
      } catch (error) {
        if (!(error instanceof Refused) || !(await this.mend(method, error))) {
          throw error;
        }
      }
    }
  }

  /**
   * Can the same request be sent once more?
   * @param {string} method
   * @param {Refused} error
   */
  async mend(method, error) {
    if (error.status === 401) {
      return this.signInAgain();
    }
    return error.status === 403 && method !== 'GET' && this.renewSecret();
  }

  /** Somebody has signed in anew in another window: the cookie is of another session, with a secret of its own. */
  async renewSecret() {
    const { json } = await this.once('GET', '/v1/session', { quiet: true });
    const isNew = json.name === this.who?.name && Boolean(json.csrf) && json.csrf !== this.who?.csrf;
    if (isNew) {
      this.who = json;
    }
    return isNew;
  }

  signInAgain() {
    this.signingIn ??= this.owner.signIn().finally(() => {
      this.signingIn = null;
    });
    return this.signingIn;
  }

  /**
   * One request, whoever one is.
   * @param {string} method
   * @param {string} where
   * @param {Wish} [wish]
   * @returns {Promise<Answer>}
   */
  async once(method, where, wish = {}) {
    /** @type {Response} */
    let response;
    try {
      response = await fetch(where + queryOf(wish.query), {
        method,
        headers: this.headers(method, wish),
        body: wish.body === undefined ? undefined : JSON.stringify(wish.body),
        signal: wish.signal,
        redirect: 'error',
      });
    } catch (error) {
      throw wish.signal?.aborted ? error : new Refused(0, { code: 'away' });
    }
    const json = await bodyOf(response);
    if (!response.ok) {
      throw new Refused(response.status, json ?? {});
    }
    return { status: response.status, json, tag: response.headers.get('ETag') ?? '' };
  }

  /** @param {string} method @param {Wish} wish */
  headers(method, wish) {
    /** @type {Object<string, string>} */
    const headers = {};
    if (wish.body !== undefined) {
      headers['Content-Type'] = 'application/json';
    }
    if (wish.tag) {
      headers['If-Match'] = wish.tag;
    }
    if (wish.quiet) {
      headers['X-Stox-Quiet'] = '1';
    }
    if (method !== 'GET' && this.who) {
      headers['X-Stox-CSRF'] = this.who.csrf;
    }
    return headers;
  }
}

/** @param {Wish['query']} query */
function queryOf(query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const text = given.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join('&');
  return text && `?${text}`;
}

/** @param {Response} response */
async function bodyOf(response) {
  const text = await response.text();
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null; // of a proxy between, say
  }
}
