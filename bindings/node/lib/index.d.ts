/// <reference lib="esnext.disposable" />
import type { ChatRequest, ClientConfig, EmbeddingRequest, TextRequest } from './request.js';
import type { ChatCompletion, ChatCompletionChunk, EmbeddingList, EmbeddingUsage, TextCompletion } from './answer.js';

export * from './request.js';
export * from './answer.js';
export * from './errors.js';

/** An AbortSignal: as much of it as is used here. */
export interface Signal {
  readonly aborted: boolean;
  readonly reason?: any;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** How to wait for a call. */
export interface WaitOptions {
  /** Ends the call, here and at the server. The promise, or the stream, fails with the signal's reason. */
  signal?: Signal | null;
}

/** The chunks of one call, in order, to be read once: `for await (const chunk of stream)`. Leaving the loop ends the call. */
export class Stream<Chunk> implements AsyncIterableIterator<Chunk> {
  private constructor();
  [Symbol.asyncIterator](): this;
  next(): Promise<IteratorResult<Chunk, undefined>>;
  return(value?: any): Promise<IteratorResult<Chunk, any>>;
  throw(error?: any): Promise<IteratorResult<Chunk, any>>;
  /** Ends the call at once. Whoever waits for a chunk, or asks for the next, gets an AbortError, or `reason`. */
  cancel(reason?: unknown): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Rows of 32-bit floats, one for each input, all in one Float32Array. */
export class EmbeddingRows implements Iterable<Float32Array> {
  private constructor();
  /** Row after row. */
  readonly data: Float32Array;
  readonly rows: number;
  readonly columns: number;
  readonly model: string;
  readonly usage: EmbeddingUsage;
  /** A row's numbers, which are `data`'s own: no copy. */
  row(index: number): Float32Array;
  [Symbol.iterator](): IterableIterator<Float32Array>;
}

type Streamed = { stream: true };
type Whole = { stream?: false | null };

/** Calls models: connections, what is known of models, and defaults for every request. Make one and keep it. */
export class Client {
  constructor(config?: ClientConfig);

  /** A chat completion, or with `stream: true` a stream of its chunks, once the first is there. */
  completion(request: ChatRequest & Streamed, options?: WaitOptions): Promise<Stream<ChatCompletionChunk>>;
  completion(request: ChatRequest & Whole, options?: WaitOptions): Promise<ChatCompletion>;
  completion(request: ChatRequest, options?: WaitOptions): Promise<ChatCompletion | Stream<ChatCompletionChunk>>;

  /** A text completion, or with `stream: true` a stream of its chunks, once the first is there. */
  textCompletion(request: TextRequest & Streamed, options?: WaitOptions): Promise<Stream<TextCompletion>>;
  textCompletion(request: TextRequest & Whole, options?: WaitOptions): Promise<TextCompletion>;
  textCompletion(request: TextRequest, options?: WaitOptions): Promise<TextCompletion | Stream<TextCompletion>>;

  /** Embeddings, in OpenAI's shape. */
  embedding(request: EmbeddingRequest & { encoding_format: 'base64' }, options?: WaitOptions): Promise<EmbeddingList<string>>;
  embedding(request: EmbeddingRequest & { encoding_format?: 'float' }, options?: WaitOptions): Promise<EmbeddingList>;

  /** Embeddings as rows of a Float32Array, which never were text. */
  embeddingRows(request: EmbeddingRequest, options?: WaitOptions): Promise<EmbeddingRows>;

  /** Any operation by its name: "infer", "models", "health" …; info().operations lists them. Nothing checks `Answer`. */
  invoke<Answer = unknown>(operation: string, request?: Record<string, unknown>, options?: WaitOptions): Promise<Answer>;

  /** Ends all calls of this client with a ClientClosedError, at once, and refuses new ones. */
  close(): void;
  [Symbol.dispose](): void;
}

/** As the client's methods, of a default client. Requests carry their api_base. */
export const completion: Client['completion'];
export const textCompletion: Client['textCompletion'];
export const embedding: Client['embedding'];
export const embeddingRows: Client['embeddingRows'];
export const invoke: Client['invoke'];

/** What the library can do. */
export function info(): { version: string; abi: number; operations: string[]; [key: string]: unknown };

export type LogLevel = 'off' | 'error' | 'warn' | 'info' | 'debug';

/**
 * Has the lines of the library's log, those of `level` and the more important ones, given to `write`. There is one log in
 * the process: the last call of it counts, whichever worker makes it.
 */
export function setLog(level: Exclude<LogLevel, 'off'>, write: (level: LogLevel, message: string) => void): void;
export function setLog(level: 'off'): void;
