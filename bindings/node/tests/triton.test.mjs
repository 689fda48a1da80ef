// On a real Triton, whose URL is in TRITON: the samples, and what a mock cannot show.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { Client, completion } from 'mishikallm';
import { here, until } from './serve.mjs';

const url = process.env.TRITON;
const sample = (name, ...more) => promisify(execFile)(process.execPath, [join(here, `${name}.mjs`), url, ...more]);
const log = () => readFileSync(process.env.TRITON_LOG, 'utf8');

test('sample: chat', async () => {
  const { stdout } = await sample('chat');
  assert.match(stdout, /^\s*A ship is a .*\n\[length, 40 tokens\]\n$/s);
});

test('sample: stream', async () => {
  const { stdout } = await sample('stream');
  assert.match(stdout, /^\s*Once there was .*\n\[length, 60 tokens\]\n$/s);
});

test('sample: embed', async () => {
  const { stdout } = await sample('embed');
  assert.match(stdout, /^3 rows of 384 numbers\n0-1 0\.6\d\d\n0-2 0\.\d{3}\n1-2 0\.\d{3}\n$/);
});

test('sample: cancel, which stops the model', async () => {
  const told = () => log().match(/tiny_llm: cancelled after (\d+) tokens at [\d.]+ \(cancel-node\)/g)?.length ?? 0;
  const before = told();
  const { stdout } = await sample('cancel');
  assert.match(stdout, /\n\[cancelled\]\n$/);
  await until(() => told() > before);
});

test('a sample says what is wrong, and fails', async () => {
  await assert.rejects(sample('chat', 'no_such_model'), (error) => {
    assert.equal(error.code, 1);
    assert.match(error.stderr, /^(NotFoundError|BadRequestError): .*no_such_model/);
    return true;
  });
});

test('a stream and a whole answer are the same text', async () => {
  const request = {
    model: 'triton/tiny_llm', api_base: url, messages: [{ role: 'user', content: 'What is a ship?' }], max_tokens: 30, temperature: 0,
  };
  const whole = await completion(request);
  let text = '';
  for await (const chunk of await completion({ ...request, stream: true })) text += chunk.choices[0]?.delta.content ?? '';
  assert.equal(text, whole.choices[0].message.content);
});

test('fifty chats at once', async () => {
  const client = new Client({ api_base: url });
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => client.completion({
    model: 'triton/vllm_shape', messages: [{ role: 'user', content: `What is ${i}?` }], max_tokens: 5, seed: i,
  })));
  for (const answer of answers) assert.ok(answer.choices[0].message.content.length > 0);
});

test('closing a client stops its models', async () => {
  const client = new Client({ api_base: url });
  const label = `close-node-${process.pid}`;
  const stream = await client.completion({
    model: 'triton/tiny_llm', messages: [{ role: 'user', content: 'x' }], max_tokens: 5000, ignore_eos: true, label, stream: true,
  });
  client.close();
  await assert.rejects(async () => { for await (const _ of stream); }, { name: 'ClientClosedError' });
  await until(() => log().includes(`(${label})`));
});

test('tensors as they are, typed arrays among them', async () => {
  const answer = await new Client({ api_base: url }).invoke('infer', {
    model: 'triton/identity_batched',
    inputs: { in_x: { shape: [1, 2, 3], data: Float32Array.of(1, NaN, -Infinity, 0.1, 5, 6) } },
  });
  const x = answer.outputs.find((output) => output.name === 'out_x');
  assert.deepEqual(x.data, [1, 'NaN', '-Infinity', 0.1, 5, 6]);
});
