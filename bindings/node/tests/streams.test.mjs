// Streams: chunks in order, how they end, and that a slow reader slows its server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, completion, textCompletion } from 'mishikallm';
import { base, chat, pause, stats, until } from './serve.mjs';

const streamed = (model, more) => completion(chat(model, { stream: true, ...more }));
const content = (chunk) => chunk.choices[0]?.delta.content ?? '';

test('chunks come in order, and then the end', async () => {
  let text = '', reason;
  for await (const chunk of await streamed('drip_40_1')) {
    assert.equal(chunk.object, 'chat.completion.chunk');
    text += content(chunk);
    reason = chunk.choices[0].finish_reason;
  }
  assert.equal(text, Array.from({ length: 40 }, (_, i) => `${i} `).join(''));
  assert.equal(reason, 'stop');
});

test('a text completion streams, and so does a client', async () => {
  const client = new Client({ api_base: base });
  let text = '';
  for await (const chunk of await client.textCompletion({ model: 'triton/drip_3_1', prompt: 'x', stream: true })) {
    text += chunk.choices[0].text;
  }
  assert.equal(text, '0 1 2 ');
  const again = await textCompletion({ model: 'triton/drip_3_1', api_base: base, prompt: 'x', stream: true });
  assert.equal((await again.next()).value.object, 'text_completion');
  await again.return();
});

test('chunks come as they are made', async () => {
  const times = [];
  for await (const _ of await streamed('drip_5_60')) times.push(performance.now());
  assert.ok(times[3] - times[0] > 120, `all within ${times[3] - times[0]} ms`);
});

test('an error before the first chunk rejects the promise', async () => {
  await assert.rejects(streamed('fail_429'), { name: 'RateLimitError', retryAfter: 7 });
  await assert.rejects(streamed('say', { max_tokens: -1 }), { name: 'BadRequestError' });
});

test('an error after chunks comes after them, and is never a stop', async () => {
  const texts = [];
  const stream = await streamed('cut');
  await assert.rejects(async () => {
    for await (const chunk of stream) {
      assert.notEqual(chunk.choices[0].finish_reason, 'stop');
      texts.push(content(chunk));
    }
  }, { name: 'BadGatewayError', cStatus: 'PROTOCOL' });
  assert.deepEqual(texts, ['one ', 'two ']);
  assert.equal((await stream.next()).done, true);
});

const LEAVES = {
  break: async (stream) => { for await (const _ of stream) break; },
  return: async (stream) => { await stream.next(); await stream.return(); },
  throw: async (stream) => {
    await assert.rejects(async () => { for await (const _ of stream) throw new Error('mine'); }, /mine/);
  },
  'the iterator\'s throw': async (stream) => { await assert.rejects(stream.throw(new Error('mine')), /mine/); },
  cancel: async (stream) => { stream.cancel(); },
};
if (Symbol.asyncDispose) LEAVES.asyncDispose = async (stream) => { await stream[Symbol.asyncDispose](); };

for (const [how, leave] of Object.entries(LEAVES)) {
  test(`the server is told of: ${how}`, async () => {
    await until(async () => (await stats()).open === 0);
    const stream = await streamed('drip_1000_20');
    const began = performance.now();
    await leave(stream);
    await until(async () => { const { open } = await stats(); return open === 0; }, 2);
    assert.ok(performance.now() - began < 1500);
  });
}

test('after leaving, a stream is at its end; after cancel it is an AbortError, once', async () => {
  const left = await streamed('drip_100_5');
  await left.return();
  assert.deepEqual(await left.next(), { value: undefined, done: true });
  const cancelled = await streamed('drip_100_5');
  const waits = cancelled.next().then(() => cancelled.next()).then(() => cancelled.next()).then(() => cancelled.next());
  cancelled.cancel();
  await assert.rejects(waits, { name: 'AbortError' });
  assert.equal((await cancelled.next()).done, true);
  const why = await streamed('drip_100_5');
  why.cancel(new Error('my reason'));
  await assert.rejects(why.next(), /my reason/);
});

test('a stream is read once', async () => {
  const stream = await streamed('drip_2_1');
  for await (const _ of stream);
  await assert.rejects(async () => { for await (const _ of stream); }, /only once/);
});

test('several may wait for one stream, and each gets its own chunk', async () => {
  const stream = await streamed('drip_4_5');
  const results = await Promise.all(Array.from({ length: 7 }, () => stream.next()));
  assert.deepEqual(results.slice(0, 4).map((r) => content(r.value)), ['0 ', '1 ', '2 ', '3 ']);
  assert.equal(results[6].done, true);
});

test('a slow reader slows its server, and little is read ahead', async () => {
  await stats();
  const stream = await streamed('flood_20000_10000');
  await pause(500);
  const { events } = await stats();
  // 16 chunks here, and what the two ends of the socket hold.
  assert.ok(events < 2000, `${events} events were written for a reader that read none`);
  let read = 0;
  for await (const _ of stream) if (++read === 300) break;
  assert.equal(read, 300);
});

test('a stream that waits for its reader is woken by close and by cancel', async () => {
  const client = new Client({ api_base: base });
  const stuck = await client.completion(chat('flood_20000_10000', { stream: true }));
  await pause(200);
  client.close();
  await until(async () => (await stats()).open === 0);
  let read = 0;
  await assert.rejects(async () => { for await (const _ of stuck) read++; }, { name: 'ClientClosedError' });
  assert.ok(read >= 16 && read <= 18, `${read} chunks had come before`);

  const other = await streamed('flood_20000_10000');
  await pause(200);
  other.cancel();
  await until(async () => (await stats()).open === 0);
});

test('all that a slow reader reads is whole', async () => {
  let length = 0, count = 0;
  for await (const chunk of await streamed('flood_200_5000')) {
    length += content(chunk).length;
    if (++count % 20 === 0) await pause(20);
  }
  assert.equal(length, 200 * 5000);
});

test('text of every plane comes back whole', async () => {
  const answer = await completion(chat('say', { mock_response: 'grüße 😀 漢字 \u0000' }));
  assert.equal(answer.choices[0].message.content, 'grüße 😀 漢字 \u0000');
});
