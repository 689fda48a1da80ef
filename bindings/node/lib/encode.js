'use strict';
// Requests as JSON. What is in them is the library's to judge; here is only what JSON cannot carry.

const { badRequest } = require('./errors.js');

/** JSON has no typed arrays, and no NaN: tensors may have both. */
function tensors(key, value) {
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return Array.from(value, (number) => (Number.isFinite(number) ? number : tensors(key, number)));
  }
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

/** A request as the library takes it. `operation` is only looked at for "infer". */
function encode(request, operation) {
  if (typeof AbortSignal === 'function' && request?.signal instanceof AbortSignal) {
    throw badRequest('signal', 'signal: belongs in the second argument, as in completion(request, { signal })');
  }
  try {
    // Half a surrogate pair leaves JSON.stringify as an escape, which the library refuses; see findHalfPair.
    return JSON.stringify(request, operation === 'infer' ? tensors : undefined) ?? 'null';
  } catch (error) {
    throw badRequest(null, `the request cannot be written as JSON: ${error.message}`, error);
  }
}

const HALF_PAIR = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/;

/** Where in a request that was refused half of a surrogate pair is, such as "messages[0].content"; null: nowhere. */
function findHalfPair(value, path = '') {
  if (typeof value === 'string') return HALF_PAIR.test(value) ? path : null;
  if (typeof value !== 'object' || value === null) return null;
  for (const [key, inner] of Object.entries(value)) {
    const name = Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
    if (HALF_PAIR.test(key)) return path || 'request';
    const found = findHalfPair(inner, name);
    if (found !== null) return found;
  }
  return null;
}

module.exports = { encode, findHalfPair };
