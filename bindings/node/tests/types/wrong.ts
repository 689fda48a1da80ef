// What the types refuse: tsc complains of each line that it would let pass.
import { Client, EmbeddingRows, Stream, completion, embeddingRows, invoke, setLog } from 'mishikallm';

const messages = [{ role: 'user' as const, content: 'hi' }];

// @ts-expect-error no model
completion({ messages });
// @ts-expect-error no messages
completion({ model: 'm' });
// @ts-expect-error a text is no list of messages
completion({ model: 'm', messages: 'hi' });
// @ts-expect-error a message has a role
completion({ model: 'm', messages: [{ content: 'hi' }] });
// @ts-expect-error not a number
completion({ model: 'm', messages, max_tokens: '10' });
// @ts-expect-error not a boolean
completion({ model: 'm', messages, stream: 'yes' });
// @ts-expect-error a signal is no option of its own name
completion({ model: 'm', messages }, { abort: AbortSignal.abort() });
// @ts-expect-error not a signal
completion({ model: 'm', messages }, { signal: 'now' });
// @ts-expect-error not a number
new Client({ workers: 'many' });
// @ts-expect-error a deployment has parameters
new Client({ model_list: [{ model_name: 'a' }] });
// @ts-expect-error an input is missing
embeddingRows({ model: 'm' });
// @ts-expect-error an operation is a name
invoke(7);
// @ts-expect-error no such level
setLog('loud', () => {});
// @ts-expect-error nothing to write to
setLog('warn');
// @ts-expect-error only calls make streams
new Stream();
// @ts-expect-error only calls make rows
new EmbeddingRows();

export async function results(): Promise<void> {
  const answer = await completion({ model: 'm', messages });
  // @ts-expect-error misspelt
  answer.choises;
  // @ts-expect-error content may be null
  answer.choices[0].message.content.length;
  // @ts-expect-error a whole answer is no stream
  for await (const chunk of answer) void chunk;
  const stream = await completion({ model: 'm', messages, stream: true });
  // @ts-expect-error a stream has no choices
  stream.choices;
  for await (const chunk of stream) {
    // @ts-expect-error a chunk has deltas
    chunk.choices[0].message;
  }
  const rows = await embeddingRows({ model: 'm', input: 'a' });
  // @ts-expect-error rows are of numbers
  rows.row('a');
  // @ts-expect-error read only
  rows.data = new Float32Array(1);
}
