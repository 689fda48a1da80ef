// What a user writes, and the types it has. Compiled by tsc --strict, and never run.
import everything from 'mishikallm';
import {
  APIConnectionTimeoutError, Client, MishikaError, RateLimitError, completion, embedding, embeddingRows, info, invoke,
  setLog, textCompletion,
  type ChatCompletion, type ChatCompletionChunk, type ChatRequest, type ClientConfig, type EmbeddingRows, type Stream,
  type TextCompletion,
} from 'mishikallm';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
function same<A, B>(_: Same<A, B>): void {}

const config: ClientConfig = {
  api_base: 'http://localhost:8000', timeout: 60, workers: 512, proxy: '', tls: { ca_file: 'ca.pem' },
  model_list: [{ model_name: 'fast', mishikallm_params: { model: 'triton/llama', api_base: 'http://a:8000' } }],
};
const client = new Client(config);
const request: ChatRequest = { model: 'triton/llama', messages: [{ role: 'user', content: 'hi' }], max_tokens: 10, top_k: 3 };

export async function answers(signal: AbortSignal): Promise<string | null> {
  const whole = await client.completion(request as ChatRequest & { stream?: false }, { signal });
  same<typeof whole, ChatCompletion>(true);
  const inline = await completion({ model: 'm', messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }], my_own: [1] });
  same<typeof inline, ChatCompletion>(true);
  const isFalse = await completion({ ...request, stream: false });
  same<typeof isFalse, ChatCompletion>(true);
  const either = await completion({ ...request, stream: Math.random() > 0.5 });
  same<typeof either, ChatCompletion | Stream<ChatCompletionChunk>>(true);
  const text = await textCompletion({ model: 'm', prompt: ['a', 'b'] });
  same<typeof text, TextCompletion>(true);
  const next = { ...request, messages: [...request.messages, inline.choices[0]!.message, { role: 'user', content: 'and?' }] };
  same<Awaited<ReturnType<typeof client.embeddingRows>>, EmbeddingRows>(true);
  void completion(next);
  const extra = (whole as unknown as Record<string, unknown>).system_fingerprint;
  const calls = inline.choices[0]?.message.tool_calls?.map((call) => call.function.name);
  return whole.choices[0]?.message.content ?? String(extra ?? calls);
}

export async function streams(): Promise<number> {
  const stream = await client.completion({ ...request, stream: true, stream_options: { include_usage: true } });
  same<typeof stream, Stream<ChatCompletionChunk>>(true);
  let tokens = 0;
  for await (const chunk of stream) {
    same<typeof chunk, ChatCompletionChunk>(true);
    process.stdout.write(chunk.choices[0]?.delta.content ?? '');
    tokens = chunk.usage?.completion_tokens ?? tokens;
  }
  stream.cancel();
  await using text = await textCompletion({ model: 'm', prompt: 'a', stream: true });
  const first = await text.next();
  return first.done ? tokens : first.value.choices.length;
}

export async function numbers(): Promise<Float32Array> {
  const rows: EmbeddingRows = await embeddingRows({ model: 'm', input: ['a', 'b'] });
  const list = await embedding({ model: 'm', input: 'a', dimensions: 8 });
  same<(typeof list)['data'][number]['embedding'], number[]>(true);
  const coded = await embedding({ model: 'm', input: 'a', encoding_format: 'base64' });
  same<(typeof coded)['data'][number]['embedding'], string>(true);
  for (const row of rows) same<typeof row, Float32Array>(true);
  const models = await invoke<{ data: { id: string }[] }>('models', { api_base: 'http://localhost:8000' });
  models.data[0]?.id.toUpperCase();
  return rows.row(0);
}

export function failures(error: unknown): string {
  if (error instanceof APIConnectionTimeoutError) return 'late';
  if (error instanceof RateLimitError) return `again in ${error.retryAfter ?? 1} s`;
  if (error instanceof MishikaError) return `${error.status} ${error.param} ${error.cStatus}`;
  return String(error);
}

class Mine extends Client {
  override embeddingRows(...args: Parameters<Client['embeddingRows']>): Promise<EmbeddingRows> {
    return super.embeddingRows(...args);
  }
}
new Mine()[Symbol.dispose]();

setLog('warn', (level, message) => console.error(level.toUpperCase(), message));
setLog('off');
info().operations.includes('infer');
client.close();
new everything.Client().close();
