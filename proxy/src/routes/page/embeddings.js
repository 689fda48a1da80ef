// Vectors of texts.

async function embed() {
  const model = chosen($('embed-model'));
  const input = $('embed-input').value.split('\n').map((line) => line.trim()).filter(Boolean);
  const request = {model, input, encoding_format: 'float'};
  alertIn($('embed-alert'));
  $('embed-send').disabled = true;
  try {
    if (!model) throw new Failure('Choose a model first.');
    if (!input.length) throw new Failure('Write a text first.');
    const answer = await (await ask('v1/embeddings', request)).json();
    $('embed-result').replaceChildren(vectors(input, answer));
    showSame($('embed-same'), 'v1/embeddings', request);
  } catch (error) {
    $('embed-result').replaceChildren();
    alertIn($('embed-alert'), error);
  }
  $('embed-send').disabled = false;
}

function vectors(input, answer) {
  const rows = answer.data.map((one) => one.embedding);
  const several = rows.length > 1;
  const usage = answer.usage;
  const tokens = usage ? ', ' + (usage.estimated ? 'about ' : '') + usage.prompt_tokens + ' tokens' : '';
  const caption = rows[0].length + ' dimensions, ' + rows.length + (several ? ' vectors' : ' vector') + tokens;
  const names = ['Text', 'First numbers', ...(several ? ['Similarity to the first'] : [])];
  const body = rows.map((row, at) => element('tr', '',
    element('td', '', input[at]),
    element('td', 'number', row.slice(0, 5).map((x) => x.toFixed(4)).join(', ') + (row.length > 5 ? ', …' : '')),
    several ? element('td', 'number', cosine(rows[0], row).toFixed(3)) : null));
  return element('div', 'result', element('table', '',
    element('caption', '', caption),
    element('thead', '', element('tr', '', ...names.map((name) => element('th', '', name)))),
    element('tbody', '', ...body)));
}

function cosine(a, b) {
  const dot = (x, y) => x.reduce((sum, value, at) => sum + value * y[at], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

function startEmbeddings() {
  $('embed-form').addEventListener('submit', (event) => {
    event.preventDefault();
    embed();
  });
}
