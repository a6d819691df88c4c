// @ts-check
/** Everything that the gateway depends on, looked at one after the other. */
import { h } from '../app/dom.js';
import { hrefOf } from '../app/router.js';
import { hasText, t } from '../app/text.js';
import { Checking } from '../parts/checking.js';

/** In the gateway's order. */
const AREAS = ['settings', 'policy', 'certificates', 'ports', 'dns', 'routes', 'partners', 'clock', 'disk', 'limits',
  'service'];

/** @param {string} area */
const titleOf = (area) => (hasText(`check.area.${area}`) ? t(`check.area.${area}`) : area);

/** What comes behind the last thing that something was found of. @param {any[]} findings */
function progress(findings) {
  const at = Math.max(-1, ...findings.map((one) => AREAS.indexOf(one.area)));
  return t('check.looks', { what: titleOf(AREAS[Math.min(at + 1, AREAS.length - 1)]), n: at + 1, all: AREAS.length });
}

/** @param {import('../app/pages.js').App} app @returns {Promise<import('../app/pages.js').Page>} */
export async function open(app) {
  const checking = new Checking(app, { what: 'all', here: hrefOf(['check']), progress,
    groupOf: (one) => ({ key: one.area, title: titleOf(one.area) }) });
  await checking.open();
  return {
    title: t('nav.check'),
    content: [h('p', { class: 'hint' }, t('about.check')), checking.node],
    close: () => checking.close(),
  };
}
