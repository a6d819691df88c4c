// Goes to one page after another and says what is wrong with each: axe-core, width, heading and title, languages.
import { createRequire } from 'node:module';

const require = createRequire(`${process.env.STOX_NODE}/package.json`);
const axeSource = require('axe-core').source;

const ALL = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const HEIGHT = 800;

/**
 * What axe-core finds wrong.
 * @param {string[]} [rules] all of them without
 */
export async function axe(page, rules) {
  // By the debugger's protocol: the page's own policy would not let a script in.
  if (!(await page.evaluate('Boolean(window.axe)'))) {
    await page.evaluate(axeSource);
  }
  const options = { resultTypes: ['violations'], preload: false,
    runOnly: rules ? { type: 'rule', values: rules } : { type: 'tag', values: ALL } };
  const { violations, passes, inapplicable, incomplete } = await page.evaluate((given) => window.axe.run(document, given), options);
  const seen = rules ? [violations, passes, inapplicable, incomplete].flat().length : passes.length;
  if (seen < (rules?.length ?? 15)) {
    throw new Error(`axe has looked at next to nothing: ${passes.map((p) => p.id)}`);
  }
  return violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => `${n.html} ${n.failureSummary}`).join(' | ')}`);
}

/** In the page: what reaches beyond its right edge. */
function beyond(width) {
  return document.documentElement.scrollWidth <= width ? [] : [...document.querySelectorAll('body *')]
    .filter((e) => e.getBoundingClientRect().right > width).map((e) => `wider than ${width} px: ${e.outerHTML.slice(0, 200)}`);
}

/** In the page: headings, title, and whether each text is of the language that it says it is of. */
async function words({ title, language }) {
  const faults = [];
  const heads = [...document.querySelectorAll('h1')].map((e) => e.innerText);
  if (heads.length !== 1 || (title && heads[0] !== title)) {
    faults.push(`its first heading is ${JSON.stringify(heads)}`);
  }
  if (document.title !== `${heads[0]} – Stox`) {
    faults.push(`its title is ${document.title}`);
  }
  if (document.documentElement.lang !== language) {
    faults.push(`its language is ${document.documentElement.lang}`);
  }
  const keys = Object.keys((await import(`/panel/texts/${language}.js`)).default);
  const begins = new Set(keys.map((key) => key.split('.')[0]));
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const text = node.data.trim();
    const said = node.parentElement.closest('[lang]').lang;
    if (/^[a-z]+(\.[\w-]+)+$/.test(text) && begins.has(text.split('.')[0])) {
      faults.push(`there is no text for ${text}`);
    } else if (/[\u3040-\u30ff\u4e00-\u9fff]/.test(text) ? said !== 'ja' : said === 'ja' && /[a-z]{2,} [a-z]{2,} [a-z]{2,}/i.test(text) &&
        !node.parentElement.closest('code, pre, textarea')) {
      faults.push(`no ${said}: ${text}`);
    }
  }
  return faults;
}

/** Where the address leads, when all of it is there. */
export async function go(page, hash) {
  if ((await page.evaluate('location.hash')) === hash) {
    return;
  }
  await page.evaluate((to) => {
    document.querySelector('h1')?.setAttribute('data-left', '');
    location.hash = to;
  }, hash);
  await page.waitForFunction(() => document.querySelector('h1:not([data-left])') && !document.querySelector('main[aria-busy]'));
}

/**
 * @param {Object} wish
 * @param {[string, string][]} wish.pages address and heading; "" where the heading is not known
 * @param {string} wish.language
 * @param {{scheme: string, width: number, rules?: string[]}[]} wish.looks how each is looked at, and what axe looks for there; [] nothing
 * @returns {Promise<string[]>} what is wrong
 */
export async function visit(page, { pages, language, looks }) {
  const faults = [];
  for (const [hash, title] of pages) {
    await go(page, hash);
    faults.push(...(await page.evaluate(words, { title, language })).map((fault) => `${hash}: ${fault}`));
    for (const { scheme, width, rules } of looks) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize({ width, height: HEIGHT });
      const found = await page.evaluate(beyond, width);
      found.push(...(rules?.length === 0 ? [] : await axe(page, rules)));
      faults.push(...found.map((fault) => `${hash} ${scheme} ${width}: ${fault}`));
    }
  }
  return faults;
}
