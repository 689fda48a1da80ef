// One case after the other of the list that all languages share.
import * as mishikallm from 'mishikallm';

/** By native type, the more special first. */
const KINDS = [
  ['authentication', mishikallm.AuthenticationError],
  ['permission_denied', mishikallm.PermissionDeniedError],
  ['not_found', mishikallm.NotFoundError],
  ['timeout', mishikallm.APIConnectionTimeoutError],
  ['connection', mishikallm.APIConnectionError],
  ['too_large', mishikallm.RequestTooLargeError],
  ['unprocessable', mishikallm.UnprocessableEntityError],
  ['rate_limit', mishikallm.RateLimitError],
  ['bad_gateway', mishikallm.BadGatewayError],
  ['service_unavailable', mishikallm.ServiceUnavailableError],
  ['internal_server', mishikallm.InternalServerError],
  ['closed', mishikallm.ClientClosedError],
  ['bad_request', mishikallm.BadRequestError],
];

function described(error) {
  if (error instanceof DOMException && error.name === 'AbortError') {
    return { kind: 'cancelled', message: error.message, status: null, param: null, code: null, retry_after: null };
  }
  const found = KINDS.find(([, type]) => error instanceof type);
  if (found === undefined) throw error;
  const { message, status, param, code, retryAfter } = error;
  return { kind: found[0], message, status, param, code, retry_after: retryAfter };
}

/** Puts the case's own address for {base} in every string. */
function placed(value, base) {
  if (typeof value === 'string') return value.replaceAll('{base}', base);
  if (Array.isArray(value)) return value.map((inner) => placed(inner, base));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, placed(inner, base)]));
}

async function run(one, base, line) {
  const client = one.client && new mishikallm.Client(placed(one.client, base));
  const { completion, textCompletion, embedding, embeddingRows, invoke } = bound(client);
  const controller = new AbortController();
  const options = { signal: controller.signal };
  const request = placed(one.request ?? {}, base);
  const timers = [];
  if (one.cancel_after_ms !== undefined) timers.push(setTimeout(() => controller.abort(), one.cancel_after_ms));
  if (one.close_after_ms !== undefined) timers.push(setTimeout(() => client.close(), one.close_after_ms));
  try {
    switch (one.call) {
      case 'completion': line.answer = await completion(request, options); break;
      case 'text_completion': line.answer = await textCompletion(request, options); break;
      case 'embedding': line.answer = await embedding(request, options); break;
      case 'invoke': line.answer = await invoke(one.operation, request, options); break;
      case 'rows': {
        const rows = await embeddingRows(request, options);
        line.rows = Array.from(rows, (row) => Array.from(row));
        line.info = { model: rows.model, usage: rows.usage };
        break;
      }
      case 'stream': case 'text_stream': {
        const ask = one.call === 'stream' ? completion : textCompletion;
        line.chunks = [];
        for await (const chunk of await ask({ ...request, stream: true }, options)) {
          line.chunks.push(chunk);
          if (line.chunks.length === one.cancel_after_chunks) controller.abort();
          if (line.chunks.length === one.leave_after_chunks) break;
        }
        break;
      }
      default: throw new Error(`no such call: ${one.call}`);
    }
  } finally {
    timers.forEach(clearTimeout);
    client?.close();
  }
}

/** The client's methods as functions, or the module's own. */
function bound(client) {
  if (!client) return mishikallm;
  const names = ['completion', 'textCompletion', 'embedding', 'embeddingRows', 'invoke'];
  return Object.fromEntries(names.map((name) => [name, client[name].bind(client)]));
}

export async function* conformance(cases, base) {
  for (const one of cases) {
    const line = { case: one.name, way: 'async' };
    try {
      await run(one, `${base}/async/${one.name}`, line);
    } catch (error) {
      line.error = described(error);
    }
    yield line;
  }
}
