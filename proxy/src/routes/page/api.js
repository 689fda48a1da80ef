'use strict';
// Asking the proxy. Paths are relative to the page, so that it works wherever a gateway puts it.

const HOME = new URL('.', location.href).href;
const STORED = 'mishikallm-key';

/** Kept until the tab is closed; where the browser keeps nothing, until the page is. */
const key = {
  here: '',
  get() {
    try {
      return sessionStorage.getItem(STORED) || this.here;
    } catch {
      return this.here;
    }
  },
  set(value) {
    this.here = value;
    try {
      if (value) sessionStorage.setItem(STORED, value);
      else sessionStorage.removeItem(STORED);
    } catch { /* it is here */ }
  },
};

const BROKE = 'The connection broke before the answer was complete.';

/** A failure, in words for whoever reads the page. `status` is 0 where there was no answer. */
class Failure extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/** The answer, if it is one of success. */
async function ask(path, body, signal) {
  const headers = {};
  if (key.get()) headers.authorization = 'Bearer ' + key.get();
  const options = {headers, signal, cache: 'no-store', credentials: 'omit'};
  if (body !== undefined) {
    headers['content-type'] = 'application/json';
    options.method = 'POST';
    options.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(HOME + path, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Failure('The proxy does not answer. Is it still running?');
  }
  if (answer.ok) return answer;
  throw new Failure(await reason(answer), answer.status);
}

/** The whole answer, as the object that it should be. */
async function askJson(path, body, signal) {
  const answer = await ask(path, body, signal);
  let text;
  try {
    text = await answer.text();
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Failure(BROKE);
  }
  return parse(text, 'The answer');
}

/** A JSON object. Something between the browser and the proxy may have answered in its place. */
function parse(text, what) {
  let value;
  try {
    value = JSON.parse(text);
  } catch { /* told below */ }
  if (value !== null && typeof value === 'object') return value;
  throw new Failure(what + ' is not what the proxy sends. Does something stand before it?');
}

/** Why it failed, as the proxy or a gateway before it says. */
async function reason(answer) {
  let said;
  try {
    said = (await answer.json()).error.message;
  } catch { /* something else than the proxy answered */ }
  if (typeof said !== 'string') said = '';
  if (answer.status === 401) {
    if (!key.get()) return 'This proxy needs a key.';
    // Of a key that it knows it says what is wrong with it.
    return 'The proxy does not accept this key' + (/blocked|expired/.test(said) ? ': ' + said + '.' : '.');
  }
  const after = answer.headers.get('retry-after');
  return (said || 'The answer was HTTP ' + answer.status + '.') + (after ? ' Try again in ' + after + ' s.' : '');
}

/** The objects of a stream of events, until `[DONE]`. */
async function* events(answer) {
  if (!/^text\/event-stream/i.test(answer.headers.get('content-type')) || !answer.body) {
    answer.body?.cancel().catch(() => {});
    throw new Failure('The answer is no stream of events. Does something stand before the proxy?');
  }
  // Read as it comes: what a pipe still holds is lost when the connection breaks.
  const reader = answer.body.getReader(), decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      let chunk;
      try {
        chunk = await reader.read();
      } catch (error) {
        if (error.name === 'AbortError') throw error;
        throw new Failure(BROKE);
      }
      const more = chunk.done ? decoder.decode() : decoder.decode(chunk.value, {stream: true});
      const lines = (rest + more).split(/\r?\n/);
      rest = chunk.done ? '' : lines.pop();
      for (const line of lines) {
        if (!line.startsWith('data:')) continue;
        const text = line.slice(5).trim();
        if (text === '[DONE]') return;
        if (!text) continue;
        yield parse(text, 'A part of the answer');
      }
      if (chunk.done) throw new Failure('The connection ended before the answer was complete.');
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
