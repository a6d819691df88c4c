// Drives Debian's Chromium for the tests (browser.py): one JSON request a line on standard input, one answer a line.
import { createRequire } from 'node:module';
import readline from 'node:readline';
import { crawl } from './crawl.mjs';
import { focus, reach } from './keyboard.mjs';
import { axe, go, visit } from './visit.mjs';

const require = createRequire(`${process.env.STOX_NODE}/package.json`);
const { chromium } = require('playwright-core');

const BOUND = 20000;
const LOOK_MS = 30;
const pages = new Map(); // by name: see watch()
let browser;

function locate(page, where) {
  let found = page;
  if (where.within) {
    found = locate(page, where.within);
  }
  if (where.role) {
    return found.getByRole(where.role, { name: where.name, exact: where.exact ?? true, level: where.level });
  }
  if (where.label) {
    return found.getByLabel(where.label, { exact: where.exact ?? true });
  }
  return where.text ? found.getByText(where.text, { exact: where.exact ?? false }) : found.locator(where.css);
}

async function open({ page: name, url, options }) {
  browser ??= await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'] });
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', locale: 'en-GB', timezoneId: 'UTC', ...options });
  context.setDefaultTimeout(BOUND);
  await watch(name, context, url);
}

/** A page whose console and requests are kept. elsewhere: what it asked of other servers than the first one. */
async function watch(name, context, url) {
  const page = await context.newPage();
  const entry = { context, page, said: [], asked: [], changes: [], refused: [], elsewhere: [] };
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && entry.said.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => entry.said.push(`exception: ${error.stack}`));
  page.on('request', (request) => {
    const to = request.url(), line = `${request.method()} ${to}`;
    entry.asked.push(to);
    request.method() !== 'GET' && entry.changes.push(line);
    /^(http|ws)/.test(to) && new URL(to).host !== new URL(url).host && entry.elsewhere.push(line);
  });
  page.on('response', (answer) => answer.status() === 403 && entry.refused.push(`${answer.request().method()} ${answer.url()}`));
  pages.set(name, entry);
  await page.goto(url);
}

/** An expression, or a function of the argument. */
function scriptOf(text) {
  return (0, eval)(/^(async )?\(/.test(text) ? text : `() => (${text})`);
}

/** As Playwright's waitFor, which looks again every half second only. */
async function wait(found, state = 'visible') {
  for (const end = Date.now() + BOUND; (await found.isVisible()) !== (state === 'visible');) {
    if (Date.now() > end) {
      await found.waitFor({ state, timeout: 1 }); // says what it looked for
    }
    await new Promise((resolve) => { setTimeout(resolve, LOOK_MS); });
  }
}

const OPERATIONS = {
  open,
  tab: async ({ page: name, beside, url }) => watch(name, pages.get(beside).context, url),
  close: async ({ page }) => pages.get(page).context.close(),
  crawl: async (wish, { page }) => crawl(page, wish),
  // Without a question about what was not committed.
  leave: async (wish, { page }) => {
    page.once('dialog', (dialog) => dialog.accept());
    await page.goto('about:blank');
    page.removeAllListeners('dialog');
  },
  goto: async (wish, { page }) => void (await page.goto(wish.url)),
  follow: async (wish, { page }) => go(page, wish.hash),
  reload: async (wish, { page }) => void (await page.reload()),
  resize: async (wish, { page }) => page.setViewportSize(wish.size),
  theme: async (wish, { page }) => page.emulateMedia({ colorScheme: wish.scheme }),
  offline: async (wish, { context }) => context.setOffline(wish.offline),
  click: async (wish, { page }) => locate(page, wish.where).click(),
  fill: async (wish, { page }) => locate(page, wish.where).fill(wish.value),
  check: async (wish, { page }) => locate(page, wish.where).setChecked(wish.value),
  select: async (wish, { page }) => void (await locate(page, wish.where).selectOption(wish.value)),
  files: async (wish, { page }) => locate(page, wish.where).setInputFiles(wish.paths),
  download: async (wish, { page }) => {
    const [download] = await Promise.all([page.waitForEvent('download'), locate(page, wish.where).click()]);
    return { name: download.suggestedFilename(), path: await download.path() };
  },
  press: async (wish, { page }) => page.keyboard.press(wish.key),
  type: async (wish, { page }) => page.keyboard.type(wish.text),
  reach: async (wish, { page }) => reach(page, wish),
  focus: async (wish, { page }) => focus(page),
  wait: async (wish, { page }) => wait(locate(page, wish.where).first(), wish.state),
  text: async (wish, { page }) => locate(page, wish.where).innerText(),
  value: async (wish, { page }) => locate(page, wish.where).inputValue(),
  count: async (wish, { page }) => locate(page, wish.where).count(),
  evaluate: async (wish, { page }) => page.evaluate(scriptOf(wish.script), wish.argument),
  until: async (wish, { page }) => void (await page.waitForFunction(scriptOf(wish.script), wish.argument)),
  cookies: async (wish, { context }) => context.cookies(),
  forget: async (wish, { context }) => context.clearCookies(),
  screenshot: async (wish, { page }) => void (await page.screenshot({ path: wish.path, fullPage: wish.full ?? false })),
  axe: async (wish, { page }) => axe(page, wish.rules),
  visit: async (wish, { page }) => visit(page, wish),
  said: async (wish, entry) => entry.said.splice(0),
  asked: async (wish, entry) => entry.asked.splice(0),
  changes: async (wish, entry) => entry.changes.splice(0),
  refused: async (wish, entry) => entry.refused.splice(0),
  elsewhere: async (wish, entry) => entry.elsewhere.splice(0),
  plant: async (wish, { context }) => context.addCookies(wish.cookies),
};

for await (const line of readline.createInterface({ input: process.stdin })) {
  const wish = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await OPERATIONS[wish.op](wish, pages.get(wish.page))) ?? null };
  } catch (error) {
    const page = pages.get(wish.page)?.page;
    const shown = await page?.evaluate(() => document.body.innerText).catch(() => '');
    await page?.screenshot({ path: `${process.env.STOX_RIG_WORK}/log/failed.png` }).catch(() => null);
    answer = { error: `${error.message ?? error}\nThe page at ${page?.url()} shows:\n${shown}\nand has said: ${pages.get(wish.page)?.said}` };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser?.close();
