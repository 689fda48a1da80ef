// The driver: the shared conformance cases, and calls in a row, made as a user of this package makes them.
//   driver.mjs conformance CASES.json BASE
//   driver.mjs calls KIND REQUEST_JSON COUNT
import { readFileSync } from 'node:fs';
import * as mishikallm from 'mishikallm';
import { conformance } from './conformance.mjs';

const [command, ...rest] = process.argv.slice(2);

const request = () => JSON.parse(rest[1]);
const check = (holds) => { if (!holds) throw new Error('a wrong answer'); };
const client = new mishikallm.Client();

async function chat() {
  const answer = await client.completion(request());
  check(answer.choices[0].message.content.length > 0);
}

const KINDS = {
  chat,
  async: chat,
  async rows() {
    const rows = await client.embeddingRows(request());
    check(rows.rows > 0 && rows.data.length === rows.rows * rows.columns);
  },
  async stream() {
    let reason = null;
    for await (const { choices: [choice] } of await client.completion({ ...request(), stream: true })) {
      reason = choice?.finish_reason ?? reason;
    }
    check(reason !== null);
  },
  async cancel() {
    const stream = await client.completion({ ...request(), stream: true });
    check(!(await stream.next()).done);
    stream.cancel();
    check(await stream.next().then(() => false, (error) => error.name === 'AbortError'));
  },
};

async function calls(kind, count) {
  const one = KINDS[kind];
  if (one === undefined) throw new Error(`no such kind: ${kind}`);
  await one();
  // V8 compiles what is called often, once: neither its time nor its memory is the calls'.
  for (let i = 1, end = performance.now() + 1500; i < 1500 && performance.now() < end; i++) await one();
  const rss = [];
  const wall = process.hrtime.bigint(), cpu = process.cpuUsage();
  for (let i = 1; i <= count; i++) {
    await one();
    if (Math.floor((i * 10) / count) > rss.length) rss.push(resident());
  }
  const spent = process.cpuUsage(cpu);
  return {
    kind, calls: count, wall_us: Number((process.hrtime.bigint() - wall) / 1000n), cpu_us: spent.user + spent.system,
    rss_kb: rss,
  };
}

/** Resident memory after a collection: of node --expose-gc. */
function resident() {
  globalThis.gc?.();
  return Number(readFileSync('/proc/self/statm', 'utf8').split(' ')[1]) * 4;
}

/** JSON in one line for every reader: some take U+2028 for the end of one. */
function ascii(line) {
  return JSON.stringify(line).replace(/[\u007F-\uFFFF]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

if (command === 'conformance') {
  for await (const line of conformance(JSON.parse(readFileSync(rest[0], 'utf8')).cases, rest[1])) {
    console.log(ascii(line));
  }
} else if (command === 'calls') {
  console.log(JSON.stringify(await calls(rest[0], Number(rest[2]))));
} else {
  console.error('usage: driver conformance CASES.json BASE | calls KIND REQUEST_JSON COUNT');
  process.exitCode = 2;
}
