// Every block of code of the README, run as it stands; only addresses and models are those of the tests.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { here } from './serve.mjs';

const run = promisify(execFile);
const text = readFileSync(join(here, 'README.md'), 'utf8');
const blocks = [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language, code]) => ({ language, code }));

const here_and_now = (code) => code.replaceAll('http://localhost:8000', process.env.TRITON)
  .replaceAll('triton/llama', 'triton/tiny_llm').replaceAll('triton/e5', 'triton/minilm');

/** How a block of each language is run. */
const RUNNERS = {
  async js(code, name) {
    const file = join(here, `${name}.${code.includes('require(') ? 'cjs' : 'mjs'}`);
    writeFileSync(file, code);
    return run(process.execPath, [file], { cwd: here });
  },
  async ts(code, name) {
    const file = join(here, `${name}.mts`);
    writeFileSync(file, code);
    await run(process.execPath, [join(here, 'node_modules/typescript/bin/tsc'), '--strict', '--module', 'nodenext',
      '--target', 'es2022', '--types', 'node', file], { cwd: here });
    return run(process.execPath, [join(here, `${name}.mjs`)], { cwd: here });
  },
  async sh(code) {
    const folder = mkdtempSync(join(tmpdir(), 'mishikallm-'));
    try {
      copyFileSync(process.env.PACKAGE, join(folder, basename(process.env.PACKAGE)));
      writeFileSync(join(folder, 'package.json'), '{}');
      await run('sh', ['-ec', code], { cwd: folder });
      return await run(process.execPath, ['-e', "console.log(require('mishikallm').info().version)"], { cwd: folder });
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

test('there are blocks, of languages that are run here', () => {
  assert.ok(blocks.length >= 8);
  for (const { language } of blocks) assert.ok(language in RUNNERS, `a block of "${language}"`);
});

for (const [index, { language, code }] of blocks.entries()) {
  test(`block ${index + 1}: ${code.split('\n')[0]}`, async () => {
    const { stdout, stderr } = await RUNNERS[language](here_and_now(code), `readme-${index + 1}`);
    assert.ok(stdout.length > 0 || stderr.length > 0, 'it prints something');
    if (!code.includes('console.error')) assert.equal(stderr, '');
    // A comment behind a console.log is what it prints.
    for (const [, expected] of code.matchAll(/console\.log\(.*\); {2,}\/\/ (.*)$/gm)) assert.ok(stdout.includes(expected), stdout);
  });
}
