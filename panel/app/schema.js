// @ts-check
/**
 * The settings as they are declared (GET /v1/openapi.json): the command line has the same rows, so that nothing here
 * knows one kind of object from another.
 */

/**
 * @typedef {Object} Setting
 * @property {string} name
 * @property {'text' | 'number' | 'flag' | 'choice'} type of one value
 * @property {boolean} list several values
 * @property {string} brief one line
 * @property {string} help
 * @property {string} group
 * @property {string} unit "" without
 * @property {string} form what a value looks like: "domain", "address" ...
 * @property {any} fallback the default; undefined: it must be given
 * @property {string[]} choices
 * @property {number} [min]
 * @property {number} [max] of a number; entries of a list
 * @property {boolean} secret
 * @property {boolean} restart it counts from the next start on
 * @property {string} lync what Lync calls it, "" without
 *
 * @typedef {Object} Kind
 * @property {string} plural as in the API's paths
 * @property {string} brief
 * @property {string} noun as in the audit
 * @property {boolean} single there is one, without a name
 * @property {string} title what a name is: "domain", "name"
 * @property {Setting[]} settings
 */

/** @param {string} ref */
const lastPart = (ref) => ref.split('/').pop() ?? '';

/** @param {string} name @param {any} declared @returns {Setting} */
function settingOf(name, declared) {
  const list = declared.type === 'array';
  const value = list ? declared.items : declared.anyOf?.[0] ?? declared;
  const type = value.enum ? 'choice' : { integer: 'number', boolean: 'flag' }[value.type] ?? 'text';
  return {
    name,
    type: /** @type {Setting['type']} */ (type),
    list,
    brief: declared['x-brief'] ?? '',
    help: declared['x-help'] ?? '',
    group: declared['x-group'] ?? '',
    unit: declared['x-unit'] ?? '',
    form: declared['x-form'] ?? '',
    fallback: declared['x-secret'] ? '' : declared.default,
    choices: value.enum ?? [],
    min: value.minimum,
    max: list ? declared.maxItems : value.maximum,
    secret: Boolean(declared['x-secret']),
    restart: Boolean(declared['x-restart']),
    lync: declared['x-lync-name'] ?? '',
  };
}

export class Schema {
  /** @param {import('./api.js').Api} api */
  constructor(api) {
    this.api = api;
    /** @type {Promise<any> | null} */
    this.document = null;
  }

  load() {
    this.document ??= this.api.get('/v1/openapi.json').then((answer) => answer.json, (error) => {
      this.document = null;
      throw error;
    });
    return this.document;
  }

  /**
   * @param {string} plural "partners", "gateway"
   * @returns {Promise<Kind>}
   */
  async kind(plural) {
    const { paths, components } = await this.load();
    const single = Boolean(paths[`/v1/${plural}`].patch);
    const get = paths[single ? `/v1/${plural}` : `/v1/${plural}/{name}`].get;
    const declared = components.schemas[lastPart(get.responses[200].content['application/json'].schema.$ref)];
    const settings = Object.entries(declared.properties)
      .filter(([, one]) => one['x-order'] !== undefined && !one.readOnly)
      .sort(([, a], [, b]) => a['x-order'] - b['x-order'])
      .map(([name, one]) => settingOf(name, one));
    const title = declared.properties.name?.description ?? '';
    return { plural, single, settings, title, noun: declared['x-kind'], brief: declared.description };
  }
}
