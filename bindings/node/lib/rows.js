'use strict';
// Embeddings as numbers.

/** Rows of 32-bit floats, one for each input, all in one Float32Array. */
class EmbeddingRows {
  constructor({ model, usage }, buffer, rows, columns) {
    /** Row after row. */
    this.data = new Float32Array(buffer);
    this.rows = rows;
    this.columns = columns;
    this.model = model;
    this.usage = usage;
  }

  /** A row's numbers, which are `data`'s own: no copy. */
  row(index) {
    if (!Number.isInteger(index) || index < 0 || index >= this.rows) {
      throw new RangeError(`row: expected a whole number from 0 to ${this.rows - 1}, got ${index}`);
    }
    return this.data.subarray(index * this.columns, (index + 1) * this.columns);
  }

  * [Symbol.iterator]() {
    for (let index = 0; index < this.rows; index++) yield this.row(index);
  }
}

module.exports = { EmbeddingRows };
