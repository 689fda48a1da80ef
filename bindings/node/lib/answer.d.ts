import type { ToolCall } from './request.js';

// OpenAI's shapes. There may be more fields than are named here: read those as (answer as Record<string, unknown>).name.

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  /** The model tells no counts. */
  estimated?: boolean;
}

export interface TokenLogprob {
  token: string;
  logprob: number;
  bytes: number[] | null;
  top_logprobs: { token: string; logprob: number; bytes: number[] | null }[];
}

export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'function_call';

export interface ChatMessage {
  role: 'assistant';
  content: string | null;
  refusal?: string | null;
  tool_calls?: ToolCall[];
  reasoning_content?: string | null;
}

export interface ChatChoice {
  index: number;
  message: ChatMessage;
  finish_reason: FinishReason;
  logprobs?: { content: TokenLogprob[] | null } | null;
}

export interface ChatCompletion {
  id: string;
  object: 'chat.completion';
  created: number;
  model: string;
  choices: ChatChoice[];
  usage: Usage;
}

export interface ChatDelta {
  role?: 'assistant';
  content?: string | null;
  refusal?: string | null;
  tool_calls?: { index: number; id?: string; type?: 'function'; function?: { name?: string; arguments?: string } }[];
  reasoning_content?: string | null;
}

export interface ChatCompletionChunk {
  id: string;
  object: 'chat.completion.chunk';
  created: number;
  model: string;
  /** Empty in the last chunk, which has the usage, where stream_options.include_usage asks for it. */
  choices: {
    index: number;
    delta: ChatDelta;
    finish_reason: FinishReason | null;
    logprobs?: { content: TokenLogprob[] | null } | null;
  }[];
  usage?: Usage | null;
}

export interface TextLogprobs {
  tokens: string[];
  token_logprobs: (number | null)[];
  top_logprobs: (Record<string, number> | null)[] | null;
  text_offset: number[];
}

/** A text completion, and a chunk of one too. */
export interface TextCompletion {
  id: string;
  object: 'text_completion';
  created: number;
  model: string;
  choices: { index: number; text: string; finish_reason: FinishReason | null; logprobs: TextLogprobs | null }[];
  usage?: Usage | null;
}

export interface EmbeddingUsage {
  prompt_tokens: number;
  total_tokens: number;
  estimated?: boolean;
}

/** Embeddings as lists of numbers, or with encoding_format "base64" as strings. */
export interface EmbeddingList<Numbers = number[]> {
  object: 'list';
  data: { object: 'embedding'; index: number; embedding: Numbers }[];
  model: string;
  usage: EmbeddingUsage;
}
