// @ts-check
/** Start: texts, who one is, and then the page that the address names. */
import { Api, Refused } from './api.js';
import { h, replace } from './dom.js';
import { Frame, gate } from './frame.js';
import { Live } from './live.js';
import { PAGES } from './pages.js';
import { hrefOf, match, placeOf } from './router.js';
import { Schema } from './schema.js';
import { loadTexts, t } from './text.js';
import { applyTheme } from './theme.js';
import { confirm, dialog } from '../parts/dialog.js';
import { notice } from '../parts/mark.js';
import { setupForm, signInForm } from '../parts/signin.js';

class Panel {
  constructor() {
    this.api = new Api({ signIn: () => this.signIn() });
    this.schema = new Schema(this.api);
    this.live = new Live({ connected: (up) => this.frame?.connected(up), refused: () => this.whoAmI() });
    /** @type {Frame | null} */
    this.frame = null;
    /** @type {import('./pages.js').Page | null} */
    this.page = null;
    this.shown = ''; // the hash of the page
    this.turn = 0; // counts pages that were asked for: one that comes late is not shown
    addEventListener('hashchange', () => this.move());
    addEventListener('beforeunload', (event) => {
      if (this.page?.isDirty?.()) {
        event.preventDefault();
      }
    });
  }

  async start() {
    try {
      this.api.who = (await this.api.once('GET', '/v1/session')).json;
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 401) {
        throw error;
      }
    }
    if (this.api.who?.csrf) {
      this.begin();
    } else {
      this.showGate(location.hash === hrefOf(['setup']));
    }
  }

  /** @param {boolean} first the first administrator, or one of those there are */
  showGate(first) {
    const done = () => {
      if (placeOf().parts[0] === 'setup') {
        history.replaceState(null, '', hrefOf([]));
      }
      this.begin();
    };
    const other = h('p', { class: 'other' }, h('button', { type: 'button', class: 'quiet',
      on: { click: () => this.showGate(!first) } }, t(first ? 'setup.back' : 'setup.offer')));
    replace(document.body, gate(t(first ? 'setup.title' : 'signin.title'),
      ...(first ? [h('p', {}, t('setup.about'))] : []), first ? setupForm(this.api, done) : signInForm(this.api, done),
      other));
    /** @type {HTMLElement | null} */ (document.querySelector('form input'))?.focus();
  }

  /** Somebody is signed in. */
  begin() {
    this.frame = new Frame({ api: this.api, signOut: () => this.signOut() });
    replace(document.body, this.frame.node);
    this.live.start();
    this.open(false);
  }

  /** The session has ended: what is on the page stays there meanwhile. */
  async signIn() {
    const before = this.api.who?.name;
    const again = await dialog(t('signin.again'), (close) => [
      h('p', {}, t('signin.expired')), signInForm(this.api, () => close(true), before)]);
    if (!again || this.api.who?.name !== before) {
      this.page = null;
      location.reload();
      return false;
    }
    return true;
  }

  /** Asks for somebody to sign in when the session has ended. */
  async whoAmI() {
    await this.api.get('/v1/session', { quiet: true }).catch(() => null);
  }

  async signOut() {
    if (!(await this.mayLeave())) {
      return;
    }
    this.page = null;
    this.live.stop();
    await this.api.once('DELETE', '/v1/session').catch(() => null); // it may have ended already
    location.hash = '';
    location.reload();
  }

  async mayLeave() {
    await this.page?.settled?.();
    return !this.page?.isDirty?.() ||
      confirm({ title: t('leave.title'), text: t('leave.text'), action: t('leave.action') });
  }

  async move() {
    if (!this.frame || location.hash === this.shown) {
      return;
    }
    const wanted = location.hash;
    if (this.page?.isDirty?.()) {
      history.replaceState(null, '', this.shown || '#/');
      if (!(await this.mayLeave())) {
        return;
      }
      history.pushState(null, '', wanted);
    }
    this.open(true);
  }

  /** @param {boolean} takeFocus */
  async open(takeFocus) {
    const frame = /** @type {Frame} */ (this.frame);
    const place = placeOf();
    const found = match(PAGES, place.parts);
    const turn = ++this.turn;
    this.page?.close?.();
    this.page = null;
    this.shown = location.hash;
    frame.navigate(found?.row.nav ?? '');
    frame.main.setAttribute('aria-busy', 'true');
    const page = await this.pageOf(found, place);
    if (turn !== this.turn) {
      page.close?.();
      return;
    }
    frame.main.removeAttribute('aria-busy');
    this.page = page;
    frame.show(page, takeFocus);
  }

  /**
   * @param {ReturnType<typeof match<import('./pages.js').Row>>} found
   * @param {import('./router.js').Place} place
   * @returns {Promise<import('./pages.js').Page>}
   */
  async pageOf(found, place) {
    if (!found || (found.row.role && !this.api.may(found.row.role))) {
      return { title: t('nopage.title'), content: [h('p', {}, t('nopage.text'))] };
    }
    try {
      return await (await found.row.load()).open(this.app(),
        { ...place, values: found.values, kind: found.row.kind ?? '' });
    } catch (error) {
      if (!(error instanceof Refused)) {
        throw error;
      }
      return { title: t(`nav.${found.row.nav}`), content: [notice('failed', error.status ? error.message : t('away')),
        h('p', {}, h('button', { type: 'button', on: { click: () => this.open(true) } }, t('again')))] };
    }
  }

  /** @param {() => Promise<void>} run */
  async attempt(run) {
    try {
      await run();
    } catch (error) {
      if (!(error instanceof Refused)) {
        throw error;
      }
      this.frame?.say(error.status ? error.message : t('away'));
    }
  }

  /**
   * While nobody looks nothing is asked; a gateway that does not answer is asked again.
   * @param {number} seconds
   * @param {() => Promise<void>} run
   */
  every(seconds, run) {
    const timer = window.setInterval(async () => {
      if (document.hidden || this.api.signingIn) {
        return;
      }
      try {
        await run();
        this.frame?.connected(true);
      } catch (error) {
        this.frame?.connected(!(error instanceof Refused) || error.status !== 0);
      }
    }, seconds * 1000);
    return () => clearInterval(timer);
  }

  /** @returns {import('./pages.js').App} */
  app() {
    return {
      api: this.api,
      live: this.live,
      schema: this.schema,
      go: (href) => {
        location.hash = href;
      },
      again: () => this.open(true),
      attempt: (run) => this.attempt(run),
      every: (seconds, run) => this.every(seconds, run),
      say: (text) => this.frame?.say(text),
    };
  }
}

applyTheme();
await loadTexts();
await new Panel().start();
