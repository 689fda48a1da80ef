// All of a key, and its last requests; asked for when somebody opens it.

const LAST_REQUESTS = 20;

/** A list of names and texts, made again only when one of them is another. */
function listOf(place, pairs) {
  const signs = JSON.stringify(pairs);
  if (place.dataset.signs === signs) return;
  place.dataset.signs = signs;
  place.replaceChildren(...pairs.map(([name, text]) => element('div', '', element('dt', '', name), element('dd', '', text))));
}

/** What an object or a list holds; nothing where that is nothing. */
function asJson(value) {
  return value && typeof value === 'object' && Object.keys(value).length ? JSON.stringify(value) : '';
}

function timeOf(text, by) {
  const at = moment(text);
  return at ? onClock(at) + (by ? ', by ' + by : '') : '';
}

function detailsOf(key) {
  return [
    ['Hash', key.token],
    // The reference's name for whoever has the master key says nothing.
    ['Made', timeOf(key.created_at, key.created_by === 'default_user_id' ? '' : key.created_by)],
    ['Changed', timeOf(key.updated_at)],
    ['Expires', timeOf(key.expires)],
    ['Budget resets', timeOf(key.budget_reset_at)],
    ['Budget’s period', key.budget_duration],
    ['Team', key.team_id],
    ['User', key.user_id],
    ['Other names for models', asJson(key.aliases)],
    ['Routes', Array.isArray(key.allowed_routes) ? key.allowed_routes.join(', ') : ''],
    ['Metadata', asJson(key.metadata)],
  ].filter(([, text]) => typeof text === 'string' && text);
}

function keyDetails() {
  const facts = element('dl', 'all'), requests = element('div', 'requests');
  const body = element('div', 'body', facts, element('h4', '', 'Last requests'), requests);
  const made = element('details', '', element('summary', '', 'Details'), body);
  const details = {made, key: null, asks: null, show(key) {
    details.key = key;
    made.querySelector('summary').setAttribute('aria-label', 'Details of ' + nameOf(key));
    if (!made.open) return;
    listOf(facts, detailsOf(key));
    showRequests(details, requests);
  }};
  made.addEventListener('toggle', () => details.key && details.show(details.key));
  return details;
}

/** The requests of a key, the last first. */
async function showRequests(details, place) {
  details.asks?.abort();
  const asks = details.asks = new AbortController();
  try {
    const {token} = details.key;
    const logs = await askJson('spend/logs/v2?page_size=' + LAST_REQUESTS + (token ? '&api_key=' + encodeURIComponent(token) : ''), undefined, asks.signal);
    if (asks.signal.aborted) return;
    const rows = (Array.isArray(logs.data) ? logs.data : []).filter((log) => log && moment(log.startTime));
    rows.sort((a, b) => moment(b.startTime) - moment(a.startTime));
    listRequests(place, rows, logs.total > rows.length ? 'The last ' + rows.length + ' of ' + logs.total.toLocaleString('en') + '.' : '');
  } catch (error) {
    if (asks.signal.aborted) return;
    place.dataset.signs = '';
    place.replaceChildren(element('p', 'hint', error.message));
  }
}

const REQUEST_COLUMNS = ['When', 'Model', 'Tokens', 'Cost', 'Took'];

function listRequests(place, logs, caption) {
  const cells = logs.map(requestCells), signs = JSON.stringify([caption, cells]);
  if (place.dataset.signs === signs) return;
  place.dataset.signs = signs;
  if (!cells.length) {
    place.replaceChildren(element('p', 'hint', 'none yet'));
    return;
  }
  const table = element('table', '',
    caption ? element('caption', '', caption) : null,
    element('thead', '', element('tr', '', ...REQUEST_COLUMNS.map((name) => {
      const head = element('th', '', name);
      head.scope = 'col';
      return head;
    }))),
    element('tbody', '', ...cells.map((row) => element('tr', '', ...row.map((cell) => element('td', '', cell))))));
  const scroll = element('div', 'scroll', table);
  // Whoever has no mouse scrolls it with the arrows.
  scroll.tabIndex = 0;
  scroll.setAttribute('role', 'region');
  scroll.setAttribute('aria-label', 'Last requests');
  place.replaceChildren(scroll);
}

function requestCells(log) {
  const began = moment(log.startTime), ended = moment(log.endTime);
  const number = (value) => typeof value === 'number' ? value.toLocaleString('en') : '–';
  const model = asText(log.model_group) || asText(log.model) || '–';
  return [
    shortly(began),
    model + (log.status === 'failure' ? ' (failed)' : ''),
    number(log.prompt_tokens) + ' + ' + number(log.completion_tokens),
    money(log.spend),
    ended ? ((ended - began) / 1000).toLocaleString('en', {maximumFractionDigits: 2}) + ' s' : '–',
  ];
}
