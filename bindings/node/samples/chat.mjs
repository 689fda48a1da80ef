// One chat completion. usage: node chat.mjs URL [MODEL]
import { completion } from 'mishikallm';

const [url, model = 'tiny_llm'] = process.argv.slice(2);
try {
  const { choices: [choice], usage } = await completion({
    model: `triton/${model}`,
    api_base: url,
    messages: [{ role: 'user', content: 'What is a ship?' }],
    max_tokens: 40,
    temperature: 0,
  });
  console.log(choice.message.content);
  console.log(`[${choice.finish_reason}, ${usage.completion_tokens} tokens]`);
} catch (error) {
  console.error(`${error.name}: ${error.message}`);
  process.exitCode = 1;
}
