// Runs the fake Triton beside a test file: one for the file, in a process of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

export const here = dirname(fileURLToPath(import.meta.url));

const server = spawn(process.execPath, [join(here, 'server.mjs')], { stdio: ['pipe', 'pipe', 'inherit'] });
const [line] = await once(server.stdout, 'data');
export const base = String(line).trim();
server.stdout.unref();
after(() => { server.stdin.end(); });

export async function stats() {
  return (await fetch(`${base}/stats`)).json();
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `holds` does, for so many seconds at most. */
export async function until(holds, seconds = 5) {
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    const held = await holds();
    if (held) return held;
    await pause(10);
  }
  throw new Error(`not within ${seconds} s: ${holds}`);
}

/** A chat with the fake model of this name. */
export function chat(model, more = {}) {
  return { model: `triton/${model}`, api_base: base, messages: [{ role: 'user', content: 'hi' }], ...more };
}

/** Runs a script of its own process; gives how it ended. */
export async function run(script, { args = [], seconds = 20, env = {} } = {}) {
  const child = spawn(process.execPath, [...args, '--input-type=module', '-e', script],
    { cwd: here, env: { ...process.env, BASE: base, ...env } });
  let out = '', err = '';
  child.stdout.on('data', (data) => { out += data; });
  child.stderr.on('data', (data) => { err += data; });
  const began = Date.now();
  const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000);
  const [code, signal] = await once(child, 'close');
  clearTimeout(timer);
  return { code, signal, out, err, ms: Date.now() - began };
}
