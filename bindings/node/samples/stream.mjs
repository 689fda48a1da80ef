// A chat completion, token by token. usage: node stream.mjs URL [MODEL]
import { completion } from 'mishikallm';

const [url, model = 'tiny_llm'] = process.argv.slice(2);
try {
  const stream = await completion({
    model: `triton/${model}`,
    api_base: url,
    messages: [{ role: 'user', content: 'Tell me a story about the sea.' }],
    max_tokens: 60,
    temperature: 0,
    stream: true,
    stream_options: { include_usage: true },
  });
  let reason, tokens;
  for await (const { choices: [choice], usage } of stream) {
    process.stdout.write(choice?.delta.content ?? '');
    reason = choice?.finish_reason ?? reason;
    tokens = usage?.completion_tokens ?? tokens;
  }
  console.log(`\n[${reason}, ${tokens} tokens]`);
} catch (error) {
  console.error(`${error.name}: ${error.message}`);
  process.exitCode = 1;
}
