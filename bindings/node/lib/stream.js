'use strict';
// A stream of chunks: what has come of it, and the iterator that hands it out.

/** What is taken after the last chunk. */
const END = { text: undefined, failure: null };

/** What the addon tells of a stream, and who waits for it. It knows nothing of its Stream, which may be collected. */
class Incoming {
  slot = -1;
  forget = () => {}; // the signal
  #native;
  #window;
  #items = []; // what came and was not asked for yet: `window` chunks at most, one more when a client closes, and an error
  #isOver = false;
  #readers = []; // those who asked before there was anything
  #handed = 0; // chunks that the addon has not been told of yet

  constructor(native, window) {
    this.#native = native;
    this.#window = window;
  }

  tell(status, text) {
    if (this.#isOver) return;
    if (status === 0) this.#items.push({ text, failure: null });
    else this.#end(status === 1 ? null : { status, json: text });
    this.#serve();
  }

  /** Ends the call: what has come is wanted no more, and whoever asks gets the reason. */
  abort(reason) {
    this.#stop({ reason });
  }

  /** Ends the call: nobody wants the rest. */
  leave() {
    this.#stop(null);
  }

  #stop(failure) {
    const hadMore = this.#items.length > 0;
    this.#items = [];
    if (this.#isOver && !hadMore) return;
    if (this.slot >= 0) this.#native.giveUp(this.slot);
    this.#end(failure);
    this.#serve();
  }

  #end(failure) {
    this.#isOver = true;
    if (failure !== null) this.#items.push({ text: undefined, failure });
    this.forget();
  }

  #serve() {
    while (this.#readers.length > 0) {
      const item = this.take();
      if (item === undefined) return;
      this.#readers.shift()(item);
    }
  }

  /** What is there, if anything is. */
  take() {
    if (this.#items.length === 0) return this.#isOver ? END : undefined;
    const item = this.#items.shift();
    if (++this.#handed * 2 >= this.#window && this.slot >= 0) {
      this.#native.grant(this.slot, this.#handed);
      this.#handed = 0;
    }
    return item;
  }

  /** What is there, or else comes next. */
  next() {
    return this.take() ?? new Promise((resolve) => { this.#readers.push(resolve); });
  }

  /** Gives back what was taken. */
  untake(item) {
    if (item === END) return;
    this.#items.unshift(item);
    this.#handed--;
  }
}

// A stream that is dropped unread ends its call, so that the server does not work for nobody.
const dropped = new FinalizationRegistry((incoming) => incoming.leave());

/** The chunks of one call, in order, to be read once: for await (const chunk of stream). */
class Stream {
  #incoming;
  #failed;
  #isTaken = false;

  /** `failed` makes an error of a status and its JSON. */
  constructor(incoming, failed) {
    this.#incoming = incoming;
    this.#failed = failed;
    dropped.register(this, incoming, this);
  }

  [Symbol.asyncIterator]() {
    if (this.#isTaken) throw new TypeError('a stream can be read only once, and this one was: make another call');
    this.#isTaken = true;
    return this;
  }

  /** The next chunk. */
  async next() {
    const { text, failure } = await this.#incoming.next();
    if (text !== undefined) return { value: JSON.parse(text), done: false };
    dropped.unregister(this);
    if (failure === null) return { value: undefined, done: true };
    throw 'reason' in failure ? failure.reason : this.#failed(failure.status, failure.json);
  }

  /** Ends the call, as leaving a `for await` does: whoever reads on finds the end. */
  async return(value) {
    dropped.unregister(this);
    this.#incoming.leave();
    return { value, done: true };
  }

  /** Ends the call, and throws. */
  async throw(error) {
    await this.return();
    throw error;
  }

  /** Ends the call at once: whoever waits for a chunk, or asks for the next, gets an AbortError, or the reason. */
  cancel(reason = new DOMException('The stream was cancelled', 'AbortError')) {
    this.#incoming.abort(reason);
  }
}

if (Symbol.asyncDispose) {
  Object.defineProperty(Stream.prototype, Symbol.asyncDispose, {
    async value() { await this.return(); }, configurable: true, writable: true,
  });
}

module.exports = { Stream, Incoming };
