// Follows the links of pages, presses what can be pressed there if it is asked to, and says what became of markup in what is shown.
import { go } from './visit.mjs';

const ALIKE = 4; // pages of the same kind, as #/partners/...
const MARK = /window\.ran=\/([\w.-]+)\//g; // each hostile text bears the name of where it comes from

/** In the page: its links, all its text, and what should not be there. */
function look() {
  const foreign = [...document.querySelectorAll('img:not([src^="/panel/"]), script:not([src]), svg[onload], [onerror], iframe, object, embed')];
  const fields = [...document.querySelectorAll('input, textarea')].map((e) => e.value);
  const names = [...document.querySelectorAll('[aria-label]')].map((e) => e.getAttribute('aria-label'));
  return {
    links: [...document.querySelectorAll('main a[href^="#/"]')].map((a) => a.getAttribute('href')),
    text: [document.body.textContent, document.title, ...fields, ...names].join('\n'),
    faults: [...foreign.map((e) => `there is ${e.outerHTML.slice(0, 200)}`), ...(window.ran ? [`a script has run: ${window.ran}`] : [])],
  };
}

/** In the page: presses every button once; what opens is closed again. */
async function pressAll() {
  const here = location.hash;
  for (const button of document.querySelectorAll('main :is(button:not(:disabled, [aria-disabled="true"]), summary)')) {
    button.isConnected && button.checkVisibility() && button.click();
    await new Promise((resolve) => { setTimeout(resolve); });
    document.querySelectorAll('dialog').forEach((dialog) => dialog.close());
    if (location.hash.split('?')[0] !== here.split('?')[0]) {
      break;
    }
  }
  await fetch('/v1/session', { headers: { 'X-Stox-Quiet': '1' } }); // what was asked for before this is on its way
}

/** "#/partners/a.example?x" is of the kind "#/partners/". */
function kindOf(hash) {
  const parts = hash.split('?')[0].split('/');
  return parts.length > 2 ? [...parts.slice(0, 2), parts.length].join('/') : hash;
}

/**
 * @param {Object} wish
 * @param {string[]} wish.from addresses to begin with, all of which are visited
 * @param {string[]} [wish.spare] then buttons are pressed, but for those of these pages
 * @returns {Promise<{pages: string[], faults: string[], marks: Object<string, string>}>} marks: where each was first seen
 */
export async function crawl(page, { from, spare }) {
  const seen = new Set(), alike = new Map(), marks = {}, faults = [], queue = [...from];
  for (let hash = queue.shift(); hash; hash = queue.shift()) {
    const kind = kindOf(hash), n = alike.get(kind) ?? 0;
    if (seen.has(hash) || (n >= ALIKE && !from.includes(hash))) {
      continue;
    }
    seen.add(hash);
    alike.set(kind, n + 1);
    await go(page, hash);
    if (spare && !spare.includes(hash)) {
      await page.evaluate(pressAll);
    }
    const found = await page.evaluate(look);
    queue.push(...found.links);
    faults.push(...found.faults.map((fault) => `${hash}: ${fault}`));
    for (const [, mark] of found.text.matchAll(MARK)) {
      marks[mark] ??= hash;
    }
  }
  return { pages: [...seen], faults, marks };
}
