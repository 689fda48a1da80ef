// The library's log, in JavaScript.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completion, setLog } from 'mishikallm';
import { chat, pause, run, until } from './serve.mjs';

test('lines arrive with their level, and none after it is off', async () => {
  const lines = [];
  setLog('debug', (level, message) => lines.push([level, message]));
  await completion(chat('say'));
  await until(() => lines.some(([level, message]) => level === 'debug' && message.length > 0));
  setLog('off');
  await pause(20);
  const before = lines.length;
  await completion(chat('say'));
  await pause(20);
  assert.equal(lines.length, before);
});

test('a level holds the less important lines back', async () => {
  const lines = [];
  setLog('error', (level) => lines.push(level));
  await completion(chat('say'));
  await pause(20);
  setLog('off');
  assert.deepEqual(lines.filter((level) => level !== 'error'), []);
});

test('wrong arguments are said', () => {
  assert.throws(() => setLog('loud', () => {}), /level: expected one of off, error, warn, info, debug/);
  assert.throws(() => setLog('warn'), /fn: expected a function/);
});

test('a busy event loop loses lines rather than memory, and is told how many', async () => {
  const lines = [];
  setLog('debug', (level, message) => lines.push(message));
  // A line each, and nobody to call: they fail while the loop is busy with something else.
  const calls = Array.from({ length: 4000 }, (_, i) => completion(chat(`m${i}`, { api_base: 'http://127.0.0.1:1' })));
  const end = performance.now() + 2500;
  while (performance.now() < end);
  await Promise.allSettled(calls);
  await completion(chat('say'));
  await until(() => lines.some((line) => /lines of the log are lost/.test(line)));
  setLog('off');
});

test('what the function throws is an uncaught exception, and no call\'s', async () => {
  const ended = await run(`
    import { completion, setLog } from 'mishikallm';
    process.on('uncaughtException', (error) => console.log('caught', error.message));
    setLog('debug', () => { setLog('off'); throw new Error('mine'); });
    const answer = await completion({ model: 'triton/say', api_base: process.env.BASE, messages: [{ role: 'user', content: 'x' }] });
    console.log(answer.choices[0].message.content);
  `);
  assert.match(ended.out, /caught mine/);
  assert.match(ended.out, /hello/);
  assert.equal(ended.code, 0, ended.err);
});
