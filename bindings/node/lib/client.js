'use strict';
// Clients, and the functions that use the default one.

const { native } = require('./native.js');
const errors = require('./errors.js');
const { encode } = require('./encode.js');
const calls = require('./calls.js');

/**
 * What clients of this package have where their configuration says nothing. A call holds a thread of the library's while
 * it is under way, and these start as they are needed: 256 calls of a client go at once, and the rest wait in order.
 */
const DEFAULTS = { workers: 256, queue_size: 65536 };

/** Operations that give chunks with `stream: true`. */
const STREAMS = new Set(['chat.completions', 'completions']);

/** Calls models: connections, what is known of models, and defaults for every request. Make one and keep it. */
class Client {
  #handle;

  constructor(config = {}) {
    const isObject = typeof config === 'object' && config !== null && !Array.isArray(config);
    const made = native.clientNew(encode(isObject ? { ...DEFAULTS, ...config } : config));
    if (typeof made === 'string') throw errors.refused(made, 'CONFIG');
    this.#handle = made;
  }

  /** A chat completion, or with `stream: true` a stream of its chunks. */
  completion(request, options) {
    return this.invoke('chat.completions', request, options);
  }

  /** A text completion, or with `stream: true` a stream of its chunks. */
  textCompletion(request, options) {
    return this.invoke('completions', request, options);
  }

  /** Embeddings, in OpenAI's shape. */
  embedding(request, options) {
    return this.invoke('embeddings', request, options);
  }

  /** Embeddings as rows of a Float32Array, which never were text. */
  async embeddingRows(request, options) {
    return await calls.rows(this.#handle, request, options);
  }

  /** Any operation of the library's, by its name; see info().operations. */
  async invoke(operation, request = {}, options = undefined) {
    if (typeof operation !== 'string') throw errors.badRequest('operation', 'operation: expected a string');
    const isStream = STREAMS.has(operation) && request?.stream === true;
    // With await, so that an error's stack shows who called.
    return isStream
      ? await calls.stream(this.#handle, operation, request, options)
      : await calls.answer(this.#handle, operation, request, options);
  }

  /** Ends all calls of this client with a ClientClosedError, at once, and refuses new ones. */
  close() {
    native.clientClose(this.#handle);
  }
}

if (Symbol.dispose) {
  Object.defineProperty(Client.prototype, Symbol.dispose, {
    value() { this.close(); }, configurable: true, writable: true,
  });
}

let theDefault;

/** Made when it is first needed, and never closed. */
function defaultClient() {
  theDefault ??= new Client();
  return theDefault;
}

module.exports = {
  Client,
  completion: (request, options) => defaultClient().completion(request, options),
  textCompletion: (request, options) => defaultClient().textCompletion(request, options),
  embedding: (request, options) => defaultClient().embedding(request, options),
  embeddingRows: (request, options) => defaultClient().embeddingRows(request, options),
  invoke: (operation, request, options) => defaultClient().invoke(operation, request, options),
};
