'use strict';
// Loads the addon, finds the library, and says what is missing where that fails.

const { existsSync } = require('node:fs');
const { join } = require('node:path');

const machine = `${process.platform}-${process.arch}`;
const folder = join(__dirname, '..', 'prebuilt', machine);

const REMEDY = 'With a C compiler here, "npm explore mishikallm -- npm run addon" makes one; then set ' +
  'MISHIKALLM_LIBRARY to the path of a libmishikallm.so for this machine.';

function missing(message, cause) {
  return Object.assign(new Error(message, cause && { cause }), { code: 'ERR_MISHIKALLM_MISSING' });
}

function loadAddon() {
  const path = join(folder, 'mishikallm.node');
  if (!existsSync(path)) throw missing(`mishikallm has no addon for ${machine}: ${path} is missing. ${REMEDY}`);
  try {
    return require(path);
  } catch (error) {
    // Such as a glibc's addon on musl.
    throw missing(`mishikallm's addon cannot be loaded on this machine: ${error.message}. ${REMEDY}`, error);
  }
}

function findLibrary() {
  const named = process.env.MISHIKALLM_LIBRARY;
  const path = named || join(folder, 'libmishikallm.so.0');
  // A name without a folder is looked for where the system keeps its libraries.
  if (existsSync(path) || !path.includes('/')) return path;
  throw missing(named
    ? `MISHIKALLM_LIBRARY names ${named}, and there is no such file.`
    : `mishikallm has no library for ${machine}: ${path} is missing. Set MISHIKALLM_LIBRARY to the path of a ` +
      'libmishikallm.so for this machine.');
}

module.exports = { native: loadAddon(), library: findLibrary() };
