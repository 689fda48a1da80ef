'use strict';
// The library's log, which is the process's.

const { native } = require('./native.js');

const LEVELS = ['off', 'error', 'warn', 'info', 'debug'];
let write = null;

/** A line that the addon brings. */
function onLine(level, message) {
  try {
    write?.(LEVELS[level], message);
  } catch (error) {
    // The caller's mistake is the caller's to see, and no call's.
    setImmediate(() => { throw error; });
  }
}

/**
 * Has the lines of the library's log given to `fn(level, message)`, those of `level` and the more important ones.
 * `setLog('off')` ends it. There is one log in the process: the last call of it counts, whichever worker makes it.
 */
function setLog(level, fn) {
  const number = LEVELS.indexOf(level);
  if (number < 0) throw new TypeError(`level: expected one of ${LEVELS.join(', ')}, got ${String(level)}`);
  if (number > 0 && typeof fn !== 'function') throw new TypeError('fn: expected a function');
  write = number > 0 ? fn : null;
  native.log(number);
}

module.exports = { setLog, onLine };
