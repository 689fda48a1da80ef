// Embeddings as numbers, and how near they are to each other. usage: node embed.mjs URL [MODEL]
import { embeddingRows } from 'mishikallm';

const [url, model = 'minilm'] = process.argv.slice(2);
const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
const cosine = (a, b) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
try {
  const rows = await embeddingRows({
    model: `triton/${model}`,
    api_base: url,
    input: ['A ship sails on the sea.', 'A boat crosses the water.', 'It rains in the mountains.'],
  });
  console.log(`${rows.rows} rows of ${rows.columns} numbers`);
  for (const [i, j] of [[0, 1], [0, 2], [1, 2]]) {
    console.log(`${i}-${j} ${cosine(rows.row(i), rows.row(j)).toFixed(3)}`);
  }
} catch (error) {
  console.error(`${error.name}: ${error.message}`);
  process.exitCode = 1;
}
