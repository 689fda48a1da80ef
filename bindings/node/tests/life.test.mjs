// The life of a process, and of its workers: it ends when nothing is under way, not before, and never with a crash.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from './serve.mjs';

const PRELUDE = `
  import { Client, completion, embeddingRows, setLog } from 'mishikallm';
  import { Worker, isMainThread, parentPort } from 'node:worker_threads';
  const base = process.env.BASE;
  const chat = (model, more) => ({ model: 'triton/' + model, api_base: base, messages: [{ role: 'user', content: 'x' }], ...more });
  const rows = (model) => ({ model: 'triton/' + model, api_base: base, input: ['a'] });
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  /** Waits until so many requests are under way at the server. */
  const reaches = async (holds, what) => {
    let open;
    for (let tries = 0; !holds(open = (await (await fetch(base + '/stats')).json()).open); tries++) {
      if (tries === 200) throw new Error(open + ' calls are under way: they are not all ' + what);
      await pause(20);
    }
  };
`;

/** Calls of every kind: slow ones, a stream that flows, one whose reader sleeps, rows. */
const EVERYTHING = `
  const everything = async () => {
    setLog('debug', () => {});
    const unread = [];
    for (let i = 0; i < 8; i++) {
      completion(chat('slow_60000')).catch(() => {});
      embeddingRows(rows('rowsslow_60000')).catch(() => {});
      unread.push(await completion(chat('flood_20000_2000', { stream: true })));
      (async () => { for await (const _ of await completion(chat('flood_20000_10', { stream: true }))); })().catch(() => {});
    }
    globalThis.unread = unread;
    await pause(100);
  };
`;

async function ends(script, { code = 0, within = 15000, args } = {}) {
  const ended = await run(PRELUDE + EVERYTHING + script, { seconds: 30, args });
  assert.deepEqual([ended.signal, ended.code], [null, code], `${ended.err}\n${ended.out}`);
  assert.ok(ended.ms < within, `it took ${ended.ms} ms`);
  return ended;
}

test('a process without calls ends by itself', async () => {
  await ends("new Client(); setLog('debug', () => {});", { within: 5000 });
});

test('a process ends by itself after its last call', async () => {
  const { out } = await ends(`
    console.log((await completion(chat('say'))).choices[0].message.content);
    for await (const _ of await completion(chat('drip_3_1', { stream: true })));
    await embeddingRows(rows('rows_0_4'));
  `, { within: 5000 });
  assert.equal(out, 'hello\n');
});

test('a process stays while a call is under way', async () => {
  const { out, ms } = await ends("completion(chat('slow_1500')).then((a) => console.log(a.choices[0].message.content));");
  assert.equal(out, 'hello\n');
  assert.ok(ms > 1500);
  await ends("embeddingRows(rows('rowsslow_700')).then((a) => process.stdout.write(String(a.columns)));")
    .then((ended) => assert.equal(ended.out, '4'));
});

test('an unfinished stream that is left does not hold the process', async () => {
  await ends("for await (const _ of await completion(chat('drip_1000_50', { stream: true }))) break;", { within: 5000 });
});

test('a stream that nobody reads does not hold the process once its client is closed, or it is cancelled', async () => {
  await ends(`
    const client = new Client();
    globalThis.kept = [await client.completion(chat('flood_20000_2000', { stream: true })), await completion(chat('flood_20000_2000', { stream: true }))];
    await pause(200);
    client.close();
    kept[1].cancel();
  `, { within: 8000 });
});

test('process.exit() with calls of every kind under way', async () => {
  for (let i = 0; i < 3; i++) await ends('await everything(); process.exit(7);', { code: 7 });
});

test('process.exit() from within a chunk', async () => {
  await ends("for await (const _ of await completion(chat('flood_1000_10', { stream: true }))) process.exit(3);", { code: 3 });
});

test('an uncaught exception with calls under way', async () => {
  const { err } = await ends("await everything(); setTimeout(() => { throw new Error('mine'); }); await pause(1000);", { code: 1 });
  assert.match(err, /mine/);
});

test('an unhandled rejection of a call says what failed', async () => {
  const { err } = await ends("completion(chat('fail_401'));", { code: 1 });
  assert.match(err, /AuthenticationError: failed with 401/);
});

const WORKER = (body) => `new Worker(${JSON.stringify(PRELUDE + EVERYTHING)} + ${JSON.stringify(body)}, { eval: true, execArgv: [] })`;

// An eval'd worker is CommonJS: what it imports, it requires.
const asCommonJs = (script) => script.replaceAll(/import (\{[^}]*\}) from ('[^']*');/g, (_, names, from) => `const ${names} = require(${from});`);
const worker = (body) => asCommonJs(WORKER(`(async () => { ${body} })();`));

test('a worker makes calls, beside the main thread and other workers', async () => {
  const { out } = await ends(`
    const workers = Array.from({ length: 4 }, () => ${worker("parentPort.postMessage((await completion(chat('say'))).choices[0].message.content);")});
    const told = await Promise.all(workers.map((w) => new Promise((resolve, reject) => { w.on('message', resolve); w.on('error', reject); })));
    told.push((await completion(chat('say'))).choices[0].message.content);
    console.log(told.join());
  `);
  assert.equal(out, 'hello,hello,hello,hello,hello\n');
});

test('worker.terminate() with calls of every kind under way ends them at the server too', async () => {
  await ends(`
    for (let i = 0; i < 5; i++) {
      const w = ${worker("await everything(); parentPort.postMessage('under way'); await pause(60000);")};
      await new Promise((resolve, reject) => { w.on('message', resolve); w.on('error', reject); });
      await reaches((count) => count >= 24, 'under way');
      await w.terminate();
      // Seen from within the process: its end would close the connections anyway.
      await reaches((count) => count === 0, 'ended');
    }
    console.log((await completion(chat('say'))).choices[0].message.content);
  `, { within: 25000 });
});

test('worker.terminate() at any moment', async () => {
  await ends(`
    for (let i = 0; i < 30; i++) {
      const w = ${worker('await everything(); await pause(60000);')};
      await pause(20 + i * 7);
      await w.terminate();
    }
  `, { within: 25000 });
});

test('workers come and go where the main thread never loaded the package', async () => {
  const script = `
    import { Worker } from 'node:worker_threads';
    for (let i = 0; i < 5; i++) {
      const w = ${worker("await everything(); parentPort.postMessage('under way');")};
      await new Promise((resolve, reject) => { w.on('message', resolve); w.on('error', reject); });
      await w.terminate();
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
    console.log('well');
  `;
  const ended = await run(script, { seconds: 30 });
  assert.deepEqual([ended.signal, ended.code, ended.out], [null, 0, 'well\n'], ended.err);
});

test('process.exit() while workers have calls under way', async () => {
  await ends(`
    const all = Array.from({ length: 3 }, () => ${worker("await everything(); parentPort.postMessage('under way'); await pause(60000);")});
    await Promise.all(all.map((w) => new Promise((resolve) => w.on('message', resolve))));
    process.exit(5);
  `, { code: 5 });
});
