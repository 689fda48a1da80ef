// Memory: it does not grow with the calls, in whatever way they end. Needs --expose-gc.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Client, completion, embeddingRows } from 'mishikallm';
import { base, chat, pause, stats, until } from './serve.mjs';

/** Resident memory in KB, once what can be collected is. */
async function resident() {
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await pause(10);
  }
  return Number(readFileSync('/proc/self/statm', 'utf8').split(' ')[1]) * 4;
}

const LARGE = 200000;
const WAYS = {
  calls: [4000, () => completion(chat('say'))],
  errors: [4000, () => completion(chat('fail_400')).catch(() => {})],
  'refused requests': [20000, () => completion({ model: 7, text: 'x'.repeat(1000) }).catch(() => {})],
  streams: [1500, async () => { for await (const _ of await completion(chat('flood_5_1000', { stream: true }))); }],
  'cancelled streams': [1500, async () => { for await (const _ of await completion(chat('flood_500_10000', { stream: true }))) break; }],
  'aborted calls': [1500, async () => {
    const controller = new AbortController();
    const call = completion(chat('slow_1000'), { signal: controller.signal });
    setImmediate(() => controller.abort());
    await call.catch(() => {});
  }],
  rows: [2000, () => embeddingRows({ model: 'triton/rows_0_4096', api_base: base, input: ['a', 'b', 'c', 'd'] })],
  clients: [1500, async () => {
    const client = new Client({ api_base: base });
    await client.completion(chat('say', { mock_response: 'x' }));
    client.close();
  }],
  'large texts': [300, () => completion(chat('say', { mock_response: 'ä'.repeat(LARGE) }))],
};

for (const [name, [count, one]] of Object.entries(WAYS)) {
  test(`resident memory is flat over ${count} ${name}`, { timeout: 120000 }, async (t) => {
    for (let i = 0; i < count / 2; i++) await one();
    // Heaps grow in steps, and then no more; calls that were kept would take some KB each in every round.
    const rounds = [await resident()];
    do {
      for (let i = 0; i < count; i++) await one();
      rounds.push(await resident());
    } while (rounds.at(-1) - rounds.at(-2) >= 3000 && rounds.length < 6);
    t.diagnostic(`${rounds.join(', ')} KB, each after ${count} more`);
    assert.ok(rounds.at(-1) - rounds.at(-2) < 3000, `ever more after ${count} ${name}: ${rounds}`);
  });
}

test('a stream that is dropped unread is collected, and its server told', async () => {
  await (async () => { await completion(chat('drip_100000_10', { stream: true })); })();
  await until(async () => {
    globalThis.gc();
    return (await stats()).open === 0;
  });
});

test('a stream that is being read is not collected', async () => {
  const reading = (async () => {
    let chunks = 0;
    for await (const _ of await completion(chat('drip_20_30', { stream: true }))) chunks++;
    return chunks;
  })();
  const timer = setInterval(() => globalThis.gc(), 20);
  assert.equal(await reading, 21);
  clearInterval(timer);
});
