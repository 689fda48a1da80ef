// What is in the package.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';

const own = join(createRequire(import.meta.url).resolve('mishikallm/package.json'), '..');
const prebuilt = join(own, 'prebuilt', `${process.platform}-${process.arch}`);
const files = execFileSync('tar', ['tzf', process.env.PACKAGE], { encoding: 'utf8' }).trim().split('\n');

test('it has what it needs, and nothing of the tests', () => {
  for (const file of ['package.json', 'README.md', 'LICENSE-MIT', 'LICENSE-APACHE', 'lib/index.js', 'lib/index.mjs',
    'lib/index.d.ts', 'lib/index.d.mts', 'addon/build', 'addon/mishikallm.h']) {
    assert.ok(files.includes(`package/${file}`), file);
  }
  assert.deepEqual(files.filter((file) => /test|samples|node_modules|package-lock/.test(file)), []);
});

test('it depends on nothing, and runs nothing when it is installed', () => {
  const manifest = JSON.parse(readFileSync(join(own, 'package.json'), 'utf8'));
  assert.equal(manifest.dependencies, undefined);
  assert.deepEqual(Object.keys(manifest.scripts), ['addon']);
});

test('the addon loads wherever Node 18 does, needs no library but libc, and is never unloaded', () => {
  const readelf = (...options) => execFileSync('readelf', ['-W', ...options, join(prebuilt, 'mishikallm.node')], { encoding: 'utf8' });
  const versions = [...readelf('-V').matchAll(/GLIBC_(\d+)\.(\d+)/g)].map(([, major, minor]) => major * 1000 + Number(minor));
  assert.ok(versions.length > 0);
  assert.ok(Math.max(...versions) <= 2028, `it needs glibc ${Math.max(...versions) / 1000}`);
  const needed = [...readelf('-d').matchAll(/NEEDED.*\[(.*)\]/g)].map(([, name]) => name);
  assert.deepEqual(needed.filter((name) => !/^lib(c|dl|pthread)\.so/.test(name)), []);
  assert.match(readelf('-d'), /NODELETE/);
  const symbols = [...readelf('--dyn-syms').matchAll(/GLOBAL +DEFAULT +\d+ (\S+)/g)].map(([, name]) => name);
  assert.deepEqual(symbols.filter((name) => !name.startsWith('napi_register_module') && !name.startsWith('node_api_module')), []);
});

test('the addon can be built anew from the package', () => {
  const env = { ...process.env, PREFIX: '' };
  const out = execFileSync('sh', [join(own, 'addon', 'build'), process.env.SCRATCH], { encoding: 'utf8', env });
  assert.ok(readFileSync(out.trim()).length > 0);
});
