// @ts-check
/**
 * Which page is shown: by what stands behind # in the address, as #/partners/fabrikam.example?tab=test. The server does
 * not see it, and going back works as everywhere.
 */

/**
 * @typedef {Object} Place
 * @property {string[]} parts decoded
 * @property {URLSearchParams} query
 */

/** @returns {Place} */
export function placeOf(hash = location.hash) {
  const [path, query] = hash.replace(/^#\/?/, '').split('?');
  return { parts: path.split('/').filter(Boolean).map(decoded), query: new URLSearchParams(query ?? '') };
}

/** @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/**
 * The address of a page.
 * @param {string[]} parts
 * @param {Object<string, string | number | undefined>} [query]
 */
export function hrefOf(parts, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return `#/${parts.map(encodeURIComponent).join('/')}${text && `?${text}`}`;
}

/**
 * The first row that fits, and what its ":name" parts are.
 * @template {{path: string}} Row
 * @param {Row[]} rows
 * @param {string[]} parts
 * @returns {{row: Row, values: Object<string, string>} | null}
 */
export function match(rows, parts) {
  for (const row of rows) {
    const values = fit(row.path.split('/').filter(Boolean), parts);
    if (values) {
      return { row, values };
    }
  }
  return null;
}

/** @param {string[]} pattern @param {string[]} parts */
function fit(pattern, parts) {
  /** @type {Object<string, string>} */
  const values = {};
  if (pattern.length !== parts.length) {
    return null;
  }
  for (const [i, want] of pattern.entries()) {
    if (want.startsWith(':')) {
      values[want.slice(1)] = parts[i];
    } else if (want !== parts[i]) {
      return null;
    }
  }
  return values;
}
