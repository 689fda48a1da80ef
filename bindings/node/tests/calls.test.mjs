// One-shot calls: answers, errors as classes, and what JavaScript can get wrong.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import * as mishikallm from 'mishikallm';
import { base, chat } from './serve.mjs';

const { Client, completion, textCompletion, embedding, embeddingRows, invoke, info } = mishikallm;

test('the functions of the default client answer', async () => {
  const answer = await completion(chat('say'));
  assert.equal(answer.object, 'chat.completion');
  assert.equal(answer.choices[0].message.content, 'hello');
  const text = await textCompletion({ model: 'triton/say', api_base: base, prompt: 'hi' });
  assert.equal(text.choices[0].text, 'hello');
  const list = await embedding({ model: 'triton/rows_0_3', api_base: base, input: ['a', 'b'] });
  assert.deepEqual(list.data.map((d) => d.embedding), [[1, 2, 3], [2, 4, 6]]);
  const model = await invoke('model.metadata', { model: 'triton/say', api_base: base });
  assert.equal(model.name, 'say');
  assert.ok(info().operations.includes('infer'));
});

test('a client holds defaults', async () => {
  const client = new Client({ api_base: base, model_list: [
    { model_name: 'mine', mishikallm_params: { model: 'triton/say', api_base: base } }] });
  assert.equal((await client.completion({ model: 'mine', messages: [{ role: 'user', content: 'x' }] })).model, 'mine');
});

test('a request with mock_response calls nobody', async () => {
  const answer = await completion({ ...chat('say'), mock_response: 'mocked' });
  assert.equal(answer.choices[0].message.content, 'mocked');
});

test('rows are one Float32Array', async () => {
  const rows = await embeddingRows({ model: 'triton/rows_0_3', api_base: base, input: ['a', 'b'] });
  assert.ok(rows.data instanceof Float32Array);
  assert.deepEqual([...rows.data], [1, 2, 3, 2, 4, 6]);
  assert.deepEqual([rows.rows, rows.columns, rows.model], [2, 3, 'rows_0_3']);
  assert.deepEqual([...rows.row(1)], [2, 4, 6]);
  assert.equal(rows.row(1).buffer, rows.data.buffer);
  assert.deepEqual(Array.from(rows, (row) => row.length), [3, 3]);
  assert.ok(rows.usage.prompt_tokens > 0);
  for (const index of [-1, 2, 0.5, undefined]) assert.throws(() => rows.row(index), RangeError);
});

const BY_STATUS = [
  [400, 'BadRequestError'], [401, 'AuthenticationError'], [403, 'PermissionDeniedError'], [404, 'NotFoundError'],
  [408, 'APIConnectionTimeoutError'], [409, 'BadRequestError'], [413, 'RequestTooLargeError'],
  [422, 'UnprocessableEntityError'], [429, 'RateLimitError'], [500, 'InternalServerError'], [502, 'BadGatewayError'],
  [503, 'ServiceUnavailableError'], [504, 'InternalServerError'],
];

for (const [status, name] of BY_STATUS) {
  test(`HTTP ${status} is ${name}`, async () => {
    await assert.rejects(completion(chat(`fail_${status}`)), (error) => {
      assert.equal(error.constructor, mishikallm[name]);
      assert.ok(error instanceof mishikallm.MishikaError && error instanceof Error);
      assert.equal(error.name, name);
      assert.equal(error.status, status);
      assert.equal(error.cStatus, 'SERVER');
      assert.equal(error.retryAfter, 7);
      assert.match(error.message, new RegExp(`failed with ${status}`));
      return true;
    });
  });
}

test('errors of the connection, of time and of the wire have their own classes', async () => {
  await assert.rejects(completion({ ...chat('say'), api_base: 'http://127.0.0.1:1' }),
    { name: 'APIConnectionError', cStatus: 'CONNECT', status: 503 });
  await assert.rejects(completion({ ...chat('slow_2000'), timeout: 0.1 }),
    { name: 'APIConnectionTimeoutError', cStatus: 'DEADLINE', status: 408 });
  await assert.rejects(completion(chat('cut')), { name: 'BadGatewayError', cStatus: 'PROTOCOL', status: 502 });
});

test("an error's stack shows who called", async () => {
  const asking = async function theCaller() { await completion(chat('fail_500')); };
  await assert.rejects(asking(), (error) => /theCaller/.test(error.stack));
});

test('a wrong request is refused by the library, by a rejection', async () => {
  await assert.rejects(completion({ ...chat('say'), max_tokens: 'many' }),
    { name: 'BadRequestError', param: 'max_tokens', cStatus: 'ARGUMENT', status: 400, type: 'invalid_request_error' });
  await assert.rejects(completion(), { name: 'BadRequestError', param: 'model' });
  await assert.rejects(completion('hello'), { name: 'BadRequestError' });
  await assert.rejects(completion(null), { name: 'BadRequestError' });
  await assert.rejects(embeddingRows({ api_base: base, input: 'a' }), { name: 'BadRequestError', param: 'model' });
  await assert.rejects(invoke('no.such', {}), { name: 'BadRequestError', param: 'operation' });
  await assert.rejects(invoke('models\0', {}), /U\+0000/);
  await assert.rejects(invoke(7, {}), { name: 'BadRequestError', param: 'operation' });
});

test('a wrong configuration is refused', () => {
  assert.throws(() => new Client({ workers: 0 }), { name: 'BadRequestError', param: 'workers', cStatus: 'CONFIG' });
  assert.throws(() => new Client({ wrokers: 1 }), { name: 'BadRequestError', cStatus: 'CONFIG' });
  for (const config of ['x', 7, null, []]) {
    assert.throws(() => new Client(config), { name: 'BadRequestError', cStatus: 'CONFIG' });
  }
});

test('what JSON cannot carry is said with its place', async () => {
  const content = (text) => ({ ...chat('say'), messages: [{ role: 'user', content: text }] });
  for (const text of ['\uD800', 'a\uDC00b', '\uDE00\uD83D']) {
    await assert.rejects(completion(content(text)), { name: 'BadRequestError', param: 'messages[0].content' });
  }
  await assert.rejects(completion({ ...chat('say'), seed: 1n }), { name: 'BadRequestError', message: /BigInt/ });
  const circle = chat('say');
  circle.me = circle;
  await assert.rejects(completion(circle), { name: 'BadRequestError', message: /circular/ });
  // NUL and what lies beyond the first plane are text.
  assert.equal((await completion(content('a\0b 😀'))).choices[0].message.content, 'hello');
});

test('a signal in the wrong place is said', async () => {
  const { signal } = new AbortController();
  await assert.rejects(completion({ ...chat('say'), signal }), { name: 'BadRequestError', param: 'signal' });
  await assert.rejects(completion(chat('say'), { signal: 7 }), { name: 'BadRequestError', param: 'signal' });
});

test('a full queue is a clear error', async () => {
  const client = new Client({ workers: 1, queue_size: 1 });
  const many = await Promise.allSettled(Array.from({ length: 3 }, () => client.completion(chat('slow_100'))));
  const refused = many.filter((one) => one.status === 'rejected');
  assert.equal(refused.length, 1);
  assert.equal(refused[0].reason.name, 'RateLimitError');
  assert.equal(refused[0].reason.code, 'queue_full');
  assert.equal(refused[0].reason.cStatus, 'BUSY');
});

test('ESM and CommonJS have the same things', () => {
  const required = createRequire(import.meta.url)('mishikallm');
  assert.deepEqual(Object.keys(mishikallm).filter((name) => name !== 'default').sort(), Object.keys(required).sort());
  for (const [name, value] of Object.entries(required)) assert.equal(mishikallm[name], value, name);
});

test('a second copy in one environment works beside the first, as test runners make them', async () => {
  const require = createRequire(import.meta.url);
  const first = require('mishikallm');
  for (const path of Object.keys(require.cache)) if (path.includes('/mishikallm/')) delete require.cache[path];
  const second = require('mishikallm');
  assert.notEqual(second, first);
  const [a, b] = await Promise.all([first.completion(chat('slow_50')), second.completion(chat('say'))]);
  assert.equal(a.choices[0].message.content + b.choices[0].message.content, 'hellohello');
});

test('the caller\'s AsyncLocalStorage is there after a call, and in a stream', async () => {
  const { AsyncLocalStorage } = await import('node:async_hooks');
  const storage = new AsyncLocalStorage();
  await Promise.all([1, 2, 3].map((id) => storage.run(id, async () => {
    await completion(chat('slow_20'));
    assert.equal(storage.getStore(), id);
    for await (const _ of await completion(chat('drip_3_5', { stream: true }))) assert.equal(storage.getStore(), id);
  })));
});
