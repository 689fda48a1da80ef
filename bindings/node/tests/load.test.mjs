// Where the package cannot be loaded, it says which file is missing, and what to do.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { run } from './serve.mjs';

const own = join(createRequire(import.meta.url).resolve('mishikallm/package.json'), '..');
const machine = `${process.platform}-${process.arch}`;

/** A copy of the package that `change` has changed, loaded in a process of its own. */
async function loaded(change, env) {
  const folder = mkdtempSync(join(tmpdir(), 'mishikallm-'));
  try {
    cpSync(own, folder, { recursive: true });
    change?.(join(folder, 'prebuilt', machine));
    return await run(`await import(${JSON.stringify(join(folder, 'lib', 'index.mjs'))}); console.log('loaded');`, { env });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('no addon for this machine', async () => {
  const { code, err } = await loaded((prebuilt) => rmSync(prebuilt, { recursive: true }));
  assert.equal(code, 1);
  assert.match(err, new RegExp(`no addon for ${machine}: .*prebuilt/${machine}/mishikallm.node is missing`));
  assert.match(err, /npm run addon/);
  assert.match(err, /MISHIKALLM_LIBRARY/);
});

test('an addon of another system', async () => {
  const { code, err } = await loaded((prebuilt) => writeFileSync(join(prebuilt, 'mishikallm.node'), 'no ELF'));
  assert.equal(code, 1);
  assert.match(err, /addon cannot be loaded on this machine/);
});

test('no library', async () => {
  const { code, err } = await loaded((prebuilt) => rmSync(join(prebuilt, 'libmishikallm.so.0')));
  assert.equal(code, 1);
  assert.match(err, /libmishikallm.so.0 is missing. Set MISHIKALLM_LIBRARY/);
});

test('MISHIKALLM_LIBRARY names another library, or one that is none', async () => {
  const real = join(own, 'prebuilt', machine, 'libmishikallm.so.0');
  const { out, err } = await loaded((prebuilt) => rmSync(join(prebuilt, 'libmishikallm.so.0')), { MISHIKALLM_LIBRARY: real });
  assert.equal(out, 'loaded\n', err);
  const absent = await loaded(null, { MISHIKALLM_LIBRARY: '/no/such.so' });
  assert.match(absent.err, /MISHIKALLM_LIBRARY names \/no\/such.so, and there is no such file/);
  const none = await loaded(null, { MISHIKALLM_LIBRARY: new URL(import.meta.url).pathname });
  assert.match(none.err, /cannot be loaded: .*(invalid ELF header|file too short)/);
  const unknown = await loaded(null, { MISHIKALLM_LIBRARY: 'libmishikallm-of-nowhere.so.0' });
  assert.match(unknown.err, /libmishikallm-of-nowhere.so.0: cannot be loaded: .*cannot open shared object file/);
  const other = await loaded(null, { MISHIKALLM_LIBRARY: process.env.ANOTHER_LIBRARY ?? '/lib/x86_64-linux-gnu/libm.so.6' });
  assert.match(other.err, /lacks mishikallm_abi_version/);
});
