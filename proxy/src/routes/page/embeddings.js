// Vectors of texts.

let embedding = null;

async function embed() {
  if (embedding) return;
  const model = chosen($('embed-model'));
  const input = $('embed-input').value.split('\n').map((line) => line.trim()).filter(Boolean);
  const request = {model, input, encoding_format: 'float'};
  const stop = embedding = new AbortController();
  alertIn($('embed-alert'));
  $('embed-result').replaceChildren();
  $('embed-send').hidden = true;
  $('embed-stop').hidden = false;
  try {
    if (!model) throw new Failure('Choose a model first.');
    if (!input.length) throw new Failure('Write a text first.');
    const answer = await askJson('v1/embeddings', request, stop.signal);
    $('embed-result').replaceChildren(vectors(input, answer));
    showSame($('embed-same'), 'v1/embeddings', request);
  } catch (error) {
    if (stop.signal.aborted) $('embed-result').replaceChildren(element('p', 'hint', 'stopped'));
    else alertIn($('embed-alert'), error);
  }
  embedding = null;
  $('embed-send').hidden = false;
  $('embed-stop').hidden = true;
}

/** The rows of an answer, one for each text. */
function rowsOf(input, answer) {
  const data = Array.isArray(answer.data) ? answer.data : [];
  const rows = data.map((one) => one?.embedding);
  if (rows.length !== input.length) {
    throw new Failure('Of ' + input.length + ' texts came ' + rows.length + ' vectors.');
  }
  const isRow = (row) => Array.isArray(row) && row.length && row.every((x) => typeof x === 'number');
  if (!rows.every(isRow)) throw new Failure('The answer holds something else than vectors of numbers.');
  return rows;
}

function vectors(input, answer) {
  const rows = rowsOf(input, answer);
  const several = rows.length > 1;
  const usage = answer.usage;
  const tokens = usage ? ', ' + (usage.estimated ? 'about ' : '') + usage.prompt_tokens + ' tokens' : '';
  const caption = rows[0].length + ' dimensions, ' + rows.length + (several ? ' vectors' : ' vector') + tokens;
  const names = ['Text', 'First numbers', ...(several ? ['Similarity to the first'] : [])];
  const body = rows.map((row, at) => element('tr', '',
    element('td', '', input[at]),
    element('td', 'number', row.slice(0, 5).map((x) => x.toFixed(4)).join(', ') + (row.length > 5 ? ', …' : '')),
    several ? element('td', 'number', cosine(rows[0], row)) : null));
  return element('div', 'result', element('table', '',
    element('caption', '', caption),
    element('thead', '', element('tr', '', ...names.map((name) => element('th', '', name)))),
    element('tbody', '', ...body)));
}

/** Of a vector without a direction, or of another length, there is none. */
function cosine(a, b) {
  const dot = (x, y) => x.reduce((sum, value, at) => sum + value * y[at], 0);
  const similarity = dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  return a.length === b.length && Number.isFinite(similarity) ? similarity.toFixed(3) : '–';
}

function startEmbeddings() {
  $('embed-form').addEventListener('submit', (event) => {
    event.preventDefault();
    embed();
  });
  $('embed-stop').addEventListener('click', () => {
    embedding?.abort();
    $('embed-input').focus();
  });
}
