// AbortSignal: as fetch has it. And closing a client.
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { Client, completion, embeddingRows } from 'mishikallm';
import { base, chat, pause, stats, until } from './serve.mjs';

const rowsOf = (model) => ({ model: `triton/${model}`, api_base: base, input: ['a'] });
const WAYS = {
  'a call': (options) => completion(chat('slow_5000'), options),
  'a stream\'s beginning': (options) => completion(chat('slow_5000', { stream: true }), options),
  rows: (options) => embeddingRows(rowsOf('rowsslow_5000'), options),
};

for (const [way, start] of Object.entries(WAYS)) {
  test(`a signal ends ${way}, here at once and at the server`, async () => {
    const controller = new AbortController();
    const began = performance.now();
    const waits = start({ signal: controller.signal });
    await until(async () => (await stats()).open === 1);
    controller.abort();
    await assert.rejects(waits, (error) => error === controller.signal.reason && error.name === 'AbortError');
    await until(async () => (await stats()).open === 0, 2);
    assert.ok(performance.now() - began < 3000);
  });

  test(`a signal that is aborted already: ${way} is not begun`, async () => {
    await assert.rejects(start({ signal: AbortSignal.abort() }), { name: 'AbortError' });
    assert.equal((await stats()).open, 0);
  });

  test(`the reason of a signal is what ${way} rejects with`, async () => {
    const reason = { any: 'thing' };
    const controller = new AbortController();
    const waits = start({ signal: controller.signal });
    setTimeout(() => controller.abort(reason), 20);
    await assert.rejects(waits, (error) => error === reason);
    await assert.rejects(start({ signal: AbortSignal.timeout(20) }), { name: 'TimeoutError' });
  });
}

test('a signal ends a stream that is being read, and one that waits for its reader', async () => {
  const controller = new AbortController();
  const stream = await completion(chat('drip_1000_10', { stream: true }), { signal: controller.signal });
  let read = 0;
  await assert.rejects(async () => {
    for await (const _ of stream) if (++read === 3) controller.abort();
  }, { name: 'AbortError' });
  assert.equal(read, 3);

  const other = new AbortController();
  const stuck = await completion(chat('flood_20000_10000', { stream: true }), { signal: other.signal });
  await pause(100);
  other.abort();
  await assert.rejects(stuck.next(), { name: 'AbortError' });
  await until(async () => (await stats()).open === 0);
});

test('calls leave no listener on the signal', async () => {
  const { signal } = new AbortController();
  for (let i = 0; i < 20; i++) {
    await completion(chat('say'), { signal });
    await assert.rejects(completion(chat('fail_400'), { signal }));
    for await (const _ of await completion(chat('drip_2_1', { stream: true }), { signal }));
    await (await completion(chat('drip_50_5', { stream: true }), { signal })).return();
    await embeddingRows(rowsOf('rows_0_4'), { signal });
  }
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});

test('an abort after the end changes nothing', async () => {
  const controller = new AbortController();
  const answer = await completion(chat('say'), { signal: controller.signal });
  controller.abort();
  assert.equal(answer.choices[0].message.content, 'hello');
});

test('a call that waits for its turn can be aborted', async () => {
  const client = new Client({ workers: 1 });
  const first = client.completion(chat('slow_300'));
  const controller = new AbortController();
  const second = client.completion(chat('slow_300'), { signal: controller.signal });
  controller.abort();
  await assert.rejects(second, { name: 'AbortError' });
  assert.equal((await first).choices[0].message.content, 'hello');
});

test('close ends all calls of its client, at once, and of no other', async () => {
  const client = new Client({ api_base: base });
  const other = completion(chat('slow_300'));
  const ends = [
    client.completion(chat('slow_5000')), client.completion(chat('slow_5000', { stream: true })),
    client.embeddingRows(rowsOf('rowsslow_5000')),
  ].map((call) => assert.rejects(call, { name: 'ClientClosedError', cStatus: 'CLOSED' }));
  await pause(100);
  const began = performance.now();
  client.close();
  client.close();
  await Promise.all(ends);
  assert.ok(performance.now() - began < 1000);
  await assert.rejects(client.completion(chat('say')), { name: 'ClientClosedError', cStatus: 'CLOSED' });
  await assert.rejects(client.embeddingRows(rowsOf('rows_0_4')), { name: 'ClientClosedError' });
  assert.equal((await other).choices[0].message.content, 'hello');
});

test('a client that is held by its calls alone stays until they are over', async () => {
  const calls = Array.from({ length: 5 }, () => new Client({ api_base: base }).completion(chat('slow_200')));
  globalThis.gc();
  for (const answer of await Promise.all(calls)) assert.equal(answer.choices[0].message.content, 'hello');
});
