// @ts-check
/** From what a check has found to the page where it is repaired. */
import { hrefOf } from '../app/router.js';
import { t } from '../app/text.js';

/**
 * As checks have it; remedy and line may be empty.
 * @typedef {{mark: string, area: string, check: string, about: string, text: string, remedy: string,
 *   line: string}} Finding
 */
/** @typedef {{href: string, text: string}} Link */

/** Pages of objects, by the nouns of stoxctl and by the kinds that sentences name. @type {Object<string, string>} */
const PLURALS = { partner: 'partners', route: 'routes', domain: 'domains', 'sip-domain': 'domains', policy: 'policies',
  site: 'sites', block: 'blocks', 'sip-user': 'sip-users' };
const SINGLES = ['org', 'gateway'];
/** What helps is not in DNS, whatever the check was about. */
const OF_CERTIFICATES = ['sip-certificate-name', 'tlsa-without-certificate'];

/** @param {string} nav @param {string} [name] @returns {Link} */
function to(nav, name) {
  return name ? { href: hrefOf([nav, name]), text: name } : { href: hrefOf([nav]), text: t(`nav.${nav}`) };
}

/** "stoxctl policy set global --xmpp yes", in the line or the remedy. @param {string} text @returns {Link | null} */
function byCommand(text) {
  const [, noun, verb, name] = /stoxctl (\S+) (\S+)(?: (\S+))?/.exec(text) ?? [];
  if (SINGLES.includes(noun)) {
    return to(noun);
  }
  if (noun === 'cert') {
    return to('certificates');
  }
  const plural = PLURALS[noun];
  if (!plural) {
    return null;
  }
  return to(plural, verb === 'new' || !name || name.startsWith('-') ? '' : name);
}

/** 'partner "fabrikam.example": ...'. @param {string} text @returns {Link | null} */
function byObject(text) {
  const [, kind, name] = /^([a-z-]+) "([^"]+)": /.exec(text) ?? [];
  return PLURALS[kind] ? to(PLURALS[kind], name) : null;
}

/** @param {Finding} one @returns {Link | null} null: no page repairs it, or none that is known */
export function repairOf(one) {
  if (one.mark === 'ok') {
    return null;
  }
  if ((one.area === 'partners' || one.area === 'routes') && one.about) {
    return to(one.area, one.about);
  }
  if (one.area === 'certificates' || OF_CERTIFICATES.includes(one.check)) {
    return to('certificates');
  }
  const known = byCommand(one.line) ?? byCommand(one.remedy) ?? byObject(one.text);
  return known ?? (one.area === 'dns' && one.mark !== 'note' ? to('dns') : null);
}
