// The API, as openapi.json describes it.

let api = null;

async function showRoutes() {
  if (api) return;
  try {
    api = await askJson('openapi.json');
    alertIn($('routes-alert'));
  } catch (error) {
    alertIn($('routes-alert'), error);
    return;
  }
  const all = Object.entries(api.paths).flatMap(([path, verbs]) =>
    Object.entries(verbs).map(([verb, operation]) => ({path, verb, operation})));
  $('routes-list').replaceChildren(...api.tags.flatMap((tag) => [
    element('h2', '', tag.name[0].toUpperCase() + tag.name.slice(1), element('span', '', ' – ' + tag.description)),
    ...all.filter(({operation}) => operation.tags.includes(tag.name)).map(route),
  ]));
}

function route({path, verb, operation}) {
  const summary = element('summary', '',
    element('span', 'verb', verb.toUpperCase()),
    element('span', 'path', path),
    operation.security && !operation.security.length ? element('span', 'open', 'no key') : null,
    element('span', 'what', operation.summary));
  const made = element('details', 'route', summary);
  // Filled when it is opened: there are hundreds of fields.
  made.addEventListener('toggle', () => made.append(about(operation)), {once: true});
  return made;
}

function about(operation) {
  const parts = [];
  const table = (title, rows) => rows.length && parts.push(element('h3', '', title), element('div', 'scroll',
    element('table', '', element('tbody', '', ...rows.map((cells) => element('tr', '', ...cells.map((cell) => element('td', '', ...prose(cell)))))))));
  if (operation.description) parts.push(element('p', '', ...prose(operation.description)));
  table('Parameters', (operation.parameters || []).map((one) =>
    [named(one.name, one.required), one.in + ', ' + typeOf(one.schema), one.description || '']));
  const body = operation.requestBody?.content['application/json'];
  if (body) table('Body', fields(body.schema));
  table('Answers', Object.entries(operation.responses).map(([status, response]) => {
    const found = resolve(response);
    return [status, Object.keys(found.content || {}).join(', '), found.description];
  }));
  return element('div', 'body', ...parts);
}

/** A text in which names stand between backticks. */
function prose(text) {
  if (typeof text !== 'string') return [text];
  return text.split('`').map((part, at) => at % 2 ? element('code', '', part) : part);
}

/** What a `$ref` leads to. */
function resolve(part) {
  return part?.$ref ? part.$ref.slice(2).split('/').reduce((at, name) => at[name], api) : part;
}

/** Name, type and description of each field; those that must be there first. */
function fields(schema) {
  const found = resolve(schema);
  const own = Object.entries(found.properties || {}).map(([name, field]) => {
    const inner = field.oneOf?.find((one) => one.$ref) || field;
    const must = (found.required || []).includes(name);
    return {must, row: [named(name, must), typeOf(field), field.description || inner.description || '']};
  });
  const rows = [...own, ...(found.allOf || []).map((one) => fields(one).map((row) => ({must: row.must, row}))).flat()];
  rows.sort((a, b) => Boolean(b.must) - Boolean(a.must));
  return rows.map(({must, row}) => Object.assign(row, {must}));
}

function named(name, must) {
  return element('span', '', name, must ? element('span', 'must', ' required') : null);
}

/** A schema in a few words. */
function typeOf(schema) {
  if (!schema) return 'any';
  if (schema.$ref) {
    const found = resolve(schema);
    return found.type === 'object' || found.allOf ? 'object' : typeOf(found);
  }
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(' | ');
  const either = schema.oneOf || schema.anyOf;
  if (either) return [...new Set(either.filter((one) => one.type !== 'null').map(typeOf))].join(' | ');
  const type = [schema.type].flat().filter((one) => one && one !== 'null').join(' | ') || 'any';
  return type === 'array' ? 'list of ' + typeOf(schema.items) : type;
}
