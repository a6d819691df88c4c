// @ts-check
/** What lists show of each kind of object; forms show all, by the declarations. */

/** Settings in the order of the columns. "state": of partners, how they are. */
export const COLUMNS = {
  partners: ['state', 'type', 'tls', 'sasl', 'dialback', 'description'],
  domains: ['route', 'certificate'],
  routes: ['next-hop', 'transport', 'identify-by', 'im'],
  policies: ['federation', 'xmpp', 'description'],
  sites: ['users', 'served', 'description'],
  'sip-users': ['policy', 'site', 'served'],
  blocks: ['partners', 'description'],
  proxies: ['address', 'priority', 'enabled', 'description'],
};

/** What a kind adds to the page of one object. */
export const EXTRAS = {
  partners: () => import('./partner.js'),
  policies: () => import('./policy.js'),
  proxies: () => import('./proxy.js'),
};
