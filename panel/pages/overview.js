// @ts-check
/** Are we serving, and if not, why? */
import { h } from '../app/dom.js';
import { t } from '../app/text.js';

/** @param {import('../app/pages.js').App} app @returns {Promise<import('../app/pages.js').Page>} */
export async function open(app) {
  const { json } = await app.api.get('/v1/status');
  return { title: t('nav.overview'), content: [h('p', {}, json.version)] };
}
