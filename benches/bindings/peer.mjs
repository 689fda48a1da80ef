// The calls as a Node programmer writes them by hand: fetch and JSON.   usage: node --expose-gc peer.mjs KIND REQUEST_JSON COUNT
import { readFileSync } from "node:fs";

const [kind, requestJson, countText] = process.argv.slice(2);
const request = JSON.parse(requestJson);
const count = Number(countText);

function fail(what) {
  console.error("a wrong answer:", what);
  process.exit(1);
}

async function post(body, endpoint = request.api_base) {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) fail(response.status);
  return response;
}

const generate = (stream) => ({ text_input: request.messages[0].content, max_tokens: request.max_tokens, stream });

const calls = {
  async chat() {
    const answer = await (await post(generate(false))).json();
    if (!answer.text_output?.startsWith("The quick brown fox")) fail(answer);
  },

  async stream() {
    const response = await post(generate(true), request.api_base + "_stream");
    const decoder = new TextDecoder();
    let tokens = 0;
    let rest = "";
    for await (const bytes of response.body) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        if (!line.startsWith("data: ")) continue;
        const chunk = JSON.parse(line.slice(6));
        if (chunk.error) fail(chunk.error);
        if (chunk.text_output?.startsWith("token")) tokens++;
      }
    }
    if (tokens !== Number(request.model.slice("triton/s".length))) fail(`${tokens} tokens`);
  },

  async rows() {
    const texts = request.input;
    const input = { name: "input_text", datatype: "BYTES", shape: [texts.length, 1], data: texts };
    const answer = await (await post({ inputs: [input] })).json();
    const [height, width] = answer.outputs?.[0].shape ?? [];
    if (height !== texts.length) fail(answer);
    const numbers = Float32Array.from(answer.outputs[0].data);
    texts.map((_, i) => numbers.subarray(i * width, (i + 1) * width));
  },
};

const cpuMicroseconds = () => {
  const used = process.cpuUsage();
  return used.user + used.system;
};

const residentKb = () => {
  globalThis.gc?.();
  return Number(readFileSync("/proc/self/statm", "ascii").split(" ")[1]) * 4;
};

await calls[kind](); // warms up
let [wall, cpu] = [0, 0];
const resident = [];
for (let tenth = 0; tenth < 10; tenth++) {
  const [began, used] = [process.hrtime.bigint(), cpuMicroseconds()];
  for (let i = Math.floor((count * tenth) / 10); i < Math.floor((count * (tenth + 1)) / 10); i++) await calls[kind]();
  cpu += cpuMicroseconds() - used;
  wall += Number(process.hrtime.bigint() - began) / 1e3;
  resident.push(residentKb());
}
console.log(JSON.stringify({ kind, calls: count, wall_us: wall, cpu_us: cpu, rss_kb: resident }));
