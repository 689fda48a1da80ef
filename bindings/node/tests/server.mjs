// A Triton that behaves as a model's name says, in a process of its own. Prints its address; ends with its stdin.
//
//   say              a decoupled text model: one event, "hello"
//   slow_MS          the same, after a while
//   drip_N_MS        N events, MS apart, whatever the client does
//   flood_N_BYTES    N events of so many bytes, as fast as the client takes them
//   fail_STATUS      an error of that HTTP status, with Retry-After: 7
//   cut              two events, and then the connection breaks
//   mute             no answer at all
//   rows_N_COLUMNS   embeddings, 1 + the index of the number in its row, times 1 + the row
//   rowsslow_MS      the same, 1 row of 4, after a while
//
// GET /stats: {"open": requests under way, "most": the most of them at once, "events": events that
//              were written}; asking begins the count anew, but for "open".
import { createServer } from 'node:http';

const stats = { open: 0, most: 0, events: 0 };

const numbers = (name) => name.split('_').slice(1).map(Number);
const isRows = (name) => name.startsWith('rows');
const columnsOf = (name) => (name.startsWith('rows_') ? numbers(name)[1] : 4);

function metadata(name) {
  const tensor = (tensorName, datatype, shape) => ({ name: tensorName, datatype, shape });
  return {
    name, versions: ['1'], platform: 'python',
    inputs: isRows(name) ? [tensor('input_text', 'BYTES', [-1])] : [tensor('text_input', 'BYTES', [1])],
    outputs: isRows(name) ? [tensor('embedding', 'FP32', [-1, columnsOf(name)])] : [tensor('text_output', 'BYTES', [-1])],
  };
}

function config(name) {
  const { inputs, outputs } = metadata(name);
  const type = (datatype) => (datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${datatype}`);
  const describe = (tensors) => tensors.map((t) => ({ name: t.name, data_type: type(t.datatype), dims: t.shape }));
  return {
    name, backend: 'python', max_batch_size: 0, input: describe(inputs), output: describe(outputs),
    model_transaction_policy: { decoupled: !isRows(name) },
  };
}

function json(response, status, value, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(value));
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Writes an event, and waits until there is room for the next. */
async function event(response, name, text) {
  if (response.destroyed) return false;
  stats.events++;
  const body = JSON.stringify({ model_name: name, model_version: '1', text_output: text });
  if (!response.write(`data: ${body}\n\n`)) {
    await new Promise((resolve) => {
      const go = () => { response.off('drain', go).off('close', go); resolve(); };
      response.on('drain', go).on('close', go);
    });
  }
  return !response.destroyed;
}

async function text(name, response) {
  const [kind] = name.split('_');
  const [first, second] = numbers(name);
  if (kind === 'mute') return;
  if (kind === 'fail') return json(response, first, { error: `failed with ${first}` }, { 'retry-after': '7' });
  if (kind === 'slow') await pause(first);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  if (kind === 'say' || kind === 'slow') await event(response, name, 'hello');
  if (kind === 'drip') {
    for (let i = 0; i < first && await event(response, name, `${i} `); i++) await pause(second);
  }
  if (kind === 'flood') {
    const filler = 'x'.repeat(second);
    for (let i = 0; i < first && await event(response, name, filler); i++);
  }
  if (kind === 'cut') {
    await event(response, name, 'one ');
    await event(response, name, 'two ');
    await pause(20);
    return response.destroy();
  }
  response.end();
}

async function rows(name, request, response) {
  const input = request.inputs.find((i) => i.name === 'input_text');
  if (name.startsWith('rowsslow_')) await pause(numbers(name)[0]);
  const count = input.shape[0], columns = columnsOf(name);
  const data = Buffer.alloc(count * columns * 4);
  for (let i = 0; i < count * columns; i++) data.writeFloatLE((1 + (i % columns)) * (1 + Math.floor(i / columns)), i * 4);
  const head = Buffer.from(JSON.stringify({
    model_name: name, model_version: '1',
    outputs: [{ name: 'embedding', datatype: 'FP32', shape: [count, columns], parameters: { binary_data_size: data.length } }],
  }));
  response.writeHead(200, {
    'content-type': 'application/octet-stream', 'inference-header-content-length': head.length,
    'content-length': head.length + data.length,
  });
  response.end(Buffer.concat([head, data]));
}

async function answer(request, response) {
  if (request.url === '/stats') {
    json(response, 200, stats);
    Object.assign(stats, { most: stats.open, events: 0 });
    return;
  }
  const parts = /^\/v2\/models\/([^/]+)(?:\/versions\/\d+)?(?:\/(\w+))?$/.exec(request.url);
  if (parts === null) return json(response, 404, { error: `no such path: ${request.url}` });
  const [, name, what] = parts;
  if (request.method === 'GET') return json(response, 200, what === 'config' ? config(name) : metadata(name));

  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  stats.most = Math.max(stats.most, ++stats.open);
  response.on('close', () => { stats.open--; });
  const body = Buffer.concat(pieces);
  const headLength = Number(request.headers['inference-header-content-length'] ?? body.length);
  if (isRows(name)) await rows(name, JSON.parse(body.subarray(0, headLength)), response);
  else await text(name, response);
}

const server = createServer((request, response) => { answer(request, response).catch(() => response.destroy()); });
server.keepAliveTimeout = 60000;
server.listen(0, '127.0.0.1', 2048, () => console.log(`http://127.0.0.1:${server.address().port}`));
process.stdin.on('end', () => process.exit()).resume();
