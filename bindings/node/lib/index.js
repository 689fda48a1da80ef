'use strict';

const { native } = require('./native.js');
const { classes } = require('./errors.js');
const { setLog } = require('./log.js');
const { Stream } = require('./stream.js');
const { EmbeddingRows } = require('./rows.js');
const { Client, completion, textCompletion, embedding, embeddingRows, invoke } = require('./client.js');

/** What the library can do: its version, features, operations and limits. */
const info = () => JSON.parse(native.info());

module.exports = {
  Client, completion, textCompletion, embedding, embeddingRows, invoke, info, setLog, Stream, EmbeddingRows, ...classes,
};
