// OpenAI's Node client, as a user writes it.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI from 'openai';

const URL = process.env.PROXY;
const make = (more) => new OpenAI({ baseURL: `${URL}/v1`, apiKey: process.env.PROXY_KEY, maxRetries: 0, ...more });
const client = make();
const question = [{ role: 'user', content: 'What is a ship?' }];
const story = [{ role: 'user', content: 'Tell me a story about the sea.' }];
const tools = [{
  type: 'function',
  function: { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } },
}];

test('a chat', async () => {
  const answer = await client.chat.completions.create({ model: 'chat', messages: question, max_tokens: 12 });
  assert.match(answer.id, /^chatcmpl-/);
  assert.equal(answer.model, 'chat');
  assert.ok(answer.choices[0].message.content.trim());
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
});

test('base URL without /v1', async () => {
  const answer = await make({ baseURL: URL }).chat.completions.create({ model: 'chat', messages: question, max_tokens: 4 });
  assert.equal(answer.choices.length, 1);
});

test('the same text streamed, with usage', async () => {
  const asked = { model: 'chat', messages: story, max_tokens: 30, temperature: 0 };
  const whole = await client.chat.completions.create(asked);
  const chunks = [];
  for await (const chunk of await client.chat.completions.create({ ...asked, stream: true, stream_options: { include_usage: true } })) {
    chunks.push(chunk);
  }
  assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join(''), whole.choices[0].message.content);
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.ok(chunks.at(-1).usage.completion_tokens > 0);
  assert.equal(new Set(chunks.map((chunk) => chunk.id)).size, 1);
});

test('tools, and their answer', async () => {
  const messages = [{ role: 'user', content: 'What is the weather in Paris?' }];
  const { message, finish_reason } = (await client.chat.completions.create({ model: 'caller', messages, tools })).choices[0];
  assert.equal(finish_reason, 'tool_calls');
  const [call] = message.tool_calls;
  assert.deepEqual(JSON.parse(call.function.arguments), { city: 'Paris' });
  const told = { role: 'tool', tool_call_id: call.id, content: '21' };
  const answer = await client.chat.completions.create({ model: 'caller', messages: [...messages, message, told], tools });
  assert.equal(answer.choices[0].message.content, 'It is 21 degrees.');
});

test("tools streamed, by the client's own helper", async () => {
  const messages = [{ role: 'user', content: 'What is the weather in Paris and Rome?' }];
  const stream = client.chat.completions.stream({ model: 'caller', messages, tools });
  const { tool_calls: calls } = (await stream.finalChatCompletion()).choices[0].message;
  assert.deepEqual(calls.map((call) => JSON.parse(call.function.arguments)), [{ city: 'Paris' }, { city: 'Rome' }]);
});

test('a text', async () => {
  const answer = await client.completions.create({ model: 'chat', prompt: 'A ship', max_tokens: 6 });
  assert.match(answer.id, /^cmpl-/);
});

test('embeddings: in base64 as the client asks for them, and as floats', async () => {
  const input = ['A man is eating food.', 'A ship is at sea.'];
  const answer = await client.embeddings.create({ model: 'embeddings', input });
  assert.deepEqual(answer.data.map((row) => [row.index, row.embedding.length]), [[0, 384], [1, 384]]);
  const floats = await client.embeddings.create({ model: 'embeddings', input, encoding_format: 'float' });
  answer.data.forEach((row, at) => row.embedding.forEach((number, n) => {
    assert.ok(Math.abs(number - floats.data[at].embedding[n]) <= 1e-6);
  }));
});

test('models', async () => {
  const names = [];
  for await (const model of client.models.list()) names.push(model.id);
  for (const name of ['chat', 'caller', 'embeddings']) assert.ok(names.includes(name), name);
  assert.equal((await client.models.retrieve('chat')).id, 'chat');
});

test('headers', async () => {
  const { response } = await client.chat.completions.create({ model: 'chat', messages: question, max_tokens: 4 }).withResponse();
  assert.equal(response.headers.get('x-mishikallm-model-group'), 'chat');
  assert.ok(response.headers.get('x-mishikallm-call-id'));
});

const refused = (kind, status, request, options) => assert.rejects(
  make(options).chat.completions.create({ model: 'chat', messages: question, max_tokens: 4, ...request }),
  (error) => {
    assert.ok(error instanceof kind, error);
    assert.equal(error.status, status);
    return true;
  },
);

test('errors by their class', async () => {
  await refused(OpenAI.AuthenticationError, 401, {}, { apiKey: 'sk-wrong' });
  await refused(OpenAI.NotFoundError, 404, { model: 'nope' });
  await refused(OpenAI.BadRequestError, 400, { max_tokens: 'many' });
  await refused(OpenAI.InternalServerError, 503, { model: 'gone' });
});

test('a stream that fails midway', async () => {
  const texts = [];
  await assert.rejects(async () => {
    for await (const chunk of await client.chat.completions.create({ model: 'half', messages: question, stream: true })) {
      texts.push(chunk.choices[0].delta.content);
    }
  }, (error) => error instanceof OpenAI.APIError && error.message.includes('fails after two tokens'));
  assert.deepEqual(texts, ['Half', ' an']);
});

test('a stream that is aborted: the model notices', async () => {
  const label = `proxy-node-${process.pid}-${Date.now()}`;
  const stream = await client.chat.completions.create({
    model: 'chat', messages: story, stream: true, max_tokens: 500, ignore_eos: true, delay_ms: 20, label,
  });
  let seen = 0;
  for await (const _ of stream) if (++seen === 3) break;
  for (let tries = 0; tries < 400; tries++) {
    const log = await readFile(process.env.TRITON_LOG, 'utf8');
    const found = log.match(new RegExp(`cancelled after (\\d+) tokens at [\\d.]+ \\(${label}\\)`));
    if (found) {
      assert.ok(Number(found[1]) < 400, found[0]);
      return;
    }
    await sleep(50);
  }
  assert.fail("Triton's log has no cancellation");
});
