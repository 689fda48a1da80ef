'use strict';
// Calls under way: what the addon tells of each goes to whoever waits for it.

const { native, library } = require('./native.js');
const errors = require('./errors.js');
const { encode, findHalfPair } = require('./encode.js');
const { onLine } = require('./log.js');
const { Stream, Incoming } = require('./stream.js');
const { EmbeddingRows } = require('./rows.js');

/** Chunks that are read before they are asked for. A stream that is further ahead makes the server wait. */
const WINDOW = 16;

const DONE = 1;

/** Who waits, by the call's slot. A slot is free again after the call's last event. */
const waiting = [];

native.open(library, (slot, status, ...told) => {
  if (slot < 0) return onLine(status, ...told);
  const who = waiting[slot];
  if (status !== 0) {
    waiting[slot] = undefined;
    who.slot = -1;
  }
  return who.tell(status, ...told);
});

function failed(status, json) {
  return errors.fromJson(json, native.statusName(status));
}

/** Has `who` told of the call that `start` gives the slot of; a string in its place is the library's refusal. */
function begin(start, request, who) {
  const slot = start();
  if (typeof slot === 'string') {
    const path = findHalfPair(request);
    throw path === null ? errors.refused(slot) : errors.badRequest(path,
      `${path}: holds half of a surrogate pair, which is no text; text.toWellFormed() replaces it`);
  }
  who.slot = slot;
  waiting[slot] = who;
}

/** Ends the call when the signal says so; the function that is returned forgets the signal. */
function obey(signal, who) {
  if (signal === null) return () => {};
  const onAbort = () => who.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  return () => signal.removeEventListener('abort', onAbort);
}

function signalOf(options) {
  const signal = options?.signal ?? null;
  if (signal !== null && typeof signal.addEventListener !== 'function') {
    throw errors.badRequest('signal', 'signal: expected an AbortSignal');
  }
  if (signal?.aborted) throw signal.reason;
  return signal;
}

/** What JSON says; the addon gives none where there is too much of it. */
function parse(json) {
  if (json !== undefined) return JSON.parse(json);
  throw errors.tooLarge('the answer is longer than a text of JavaScript may be: ask for less at once, or for embeddingRows');
}

/** What the one event of a call without chunks tells, where it went well. */
async function single(start, request, options) {
  const signal = signalOf(options);
  const [status, ...told] = await new Promise((resolve, reject) => {
    let forget = () => {};
    const who = {
      slot: -1,
      tell(...event) {
        forget();
        resolve(event);
      },
      abort(reason) {
        // The promise does not wait for the call's end, which follows on its own.
        native.giveUp(who.slot);
        reject(reason);
      },
    };
    begin(start, request, who);
    forget = obey(signal, who);
  });
  // Made here, and not where the event arrives, so that its stack shows who called.
  if (status !== DONE) throw failed(status, ...told);
  return told;
}

/** The operation's answer. */
async function answer(client, operation, request, options) {
  const json = encode(request, operation);
  const [text] = await single(() => native.submit(client, operation, json, 0), request, options);
  return parse(text);
}

/** Embeddings as numbers. */
async function rows(client, request, options) {
  const json = encode(request);
  const [info, data, count, columns] = await single(() => native.rows(client, json), request, options);
  return new EmbeddingRows(JSON.parse(info), data, count, columns);
}

/** A stream, when its first chunk is there. */
async function stream(client, operation, request, options) {
  const signal = signalOf(options);
  const json = encode(request, operation);
  const incoming = new Incoming(native, WINDOW);
  begin(() => native.submit(client, operation, json, WINDOW), request, incoming);
  incoming.forget = obey(signal, incoming);
  const first = await incoming.next();
  const made = new Stream(incoming, failed);
  if (first.failure === null) incoming.untake(first);
  else if ('reason' in first.failure) throw first.failure.reason;
  else throw failed(first.failure.status, first.failure.json);
  return made;
}

module.exports = { answer, rows, stream };
