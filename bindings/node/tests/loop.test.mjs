// The event loop is never blocked, nor are libuv's four threads, however many calls wait.
import assert from 'node:assert/strict';
import { pbkdf2 } from 'node:crypto';
import { lookup } from 'node:dns';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { Client, completion, embeddingRows } from 'mishikallm';
import { base, chat, stats } from './serve.mjs';

const CALLS = 200;
/** Generous: a call that blocked the loop would be a gap of its whole three seconds. */
const LARGEST_GAP_MS = 500;

/** How long this thread has waited for a processor, which a busy machine has it do: not our doing, so not counted. */
function waited() {
  return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[1]) / 1e6;
}

/** Runs `work` beside a timer that ticks; gives the longest pause between two ticks, and how many there were. */
async function ticking(work) {
  let last = performance.now(), lastWaited = waited(), gap = 0, ticks = 0;
  const timer = setInterval(() => {
    const now = performance.now(), nowWaited = waited();
    gap = Math.max(gap, now - last - (nowWaited - lastWaited));
    last = now;
    lastWaited = nowWaited;
    ticks++;
  }, 5);
  const began = performance.now();
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return { gap, ticks, ms: performance.now() - began };
}

const WORK = {
  calls: () => completion(chat('slow_3000')),
  streams: async () => {
    let chunks = 0;
    for await (const _ of await completion(chat('drip_10_300', { stream: true }))) chunks++;
    assert.equal(chunks, 11);
  },
  rows: () => embeddingRows({ model: 'triton/rowsslow_3000', api_base: base, input: ['a'] }),
};

for (const [name, one] of Object.entries(WORK)) {
  test(`a timer ticks through ${CALLS} ${name} at once`, async (t) => {
    await one();
    await stats();
    const { gap, ticks, ms } = await ticking(() => Promise.all(Array.from({ length: CALLS }, one)));
    const { most } = await stats();
    t.diagnostic(`${CALLS} ${name} of 3 s in ${ms.toFixed(0)} ms, ${ticks} ticks, largest gap ${gap.toFixed(1)} ms`);
    assert.equal(most, CALLS, 'all of them were at the server at once');
    assert.ok(ms < 20000, `they took ${ms} ms`);
    assert.ok(gap < LARGEST_GAP_MS, `the largest gap was ${gap} ms`);
    assert.ok(ticks > 50);
  });
}

test('files, names and hashes are answered while 200 slow calls are under way', async (t) => {
  const calls = Promise.all(Array.from({ length: CALLS }, () => completion(chat('slow_1500'))));
  let longest = 0;
  const timed = async (work) => {
    const began = performance.now();
    await work();
    longest = Math.max(longest, performance.now() - began);
  };
  for (let i = 0; i < 10; i++) {
    await timed(() => readFile(new URL(import.meta.url)));
    await timed(() => promisify(lookup)('localhost'));
    await timed(() => promisify(pbkdf2)('a', 'b', 1000, 32, 'sha256'));
  }
  t.diagnostic(`the longest took ${longest.toFixed(1)} ms`);
  assert.ok(longest < 1000, `${longest} ms`);
  await calls;
});

test('more calls than threads wait for their turn, and all are answered', async () => {
  const client = new Client({ workers: 4 });
  await stats();
  const answers = await Promise.all(Array.from({ length: 40 }, () => client.completion(chat('slow_20'))));
  assert.equal(answers.length, 40);
  assert.equal((await stats()).most, 4);
});
