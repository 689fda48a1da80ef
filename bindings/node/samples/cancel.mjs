// A stream that is cancelled by an AbortSignal: the model stops too. usage: node cancel.mjs URL [MODEL]
import { completion } from 'mishikallm';

const [url, model = 'tiny_llm'] = process.argv.slice(2);
const controller = new AbortController();
try {
  const stream = await completion({
    model: `triton/${model}`,
    api_base: url,
    messages: [{ role: 'user', content: 'Tell me a story about the sea.' }],
    max_tokens: 5000,
    ignore_eos: true,
    label: 'cancel-node',
    stream: true,
  }, { signal: controller.signal });
  let deltas = 0;
  for await (const { choices: [choice] } of stream) {
    process.stdout.write(choice?.delta.content ?? '');
    if (++deltas === 5) controller.abort();
  }
} catch (error) {
  if (error.name === 'AbortError') {
    console.log('\n[cancelled]');
  } else {
    console.error(`${error.name}: ${error.message}`);
    process.exitCode = 1;
  }
}
