/** Where and how to call. A request may have these, and a client holds defaults for them. */
export interface CallOptions {
  /** A server, a model's URL or an endpoint: "http://host:8000". */
  api_base?: string;
  api_key?: string;
  extra_headers?: Record<string, string>;
  /** Seconds, for each try (600). */
  timeout?: number;
  /** Seconds, in place of `timeout` for streams. */
  stream_timeout?: number;
  /** Seconds (10). */
  connect_timeout?: number;
  first_byte_timeout?: number;
  idle_timeout?: number;
  /** Tries after the first (0). */
  num_retries?: number;
  /** Models to ask instead when this fails. */
  fallbacks?: (string | ({ model: string } & CallOptions))[];
  /** Leaves out what a Triton model cannot do, instead of refusing it. */
  drop_params?: boolean;
  allowed_openai_params?: string[];
  additional_drop_params?: string[];
  extra_body?: Record<string, unknown>;
  /** A text to answer without calling anybody. */
  mock_response?: string;
  /** A built-in template's name, "auto", a Jinja source or a path. */
  chat_template?: string;
  chat_template_kwargs?: Record<string, unknown>;
  tool_call_parser?: string;
  separate_reasoning?: boolean;
  /** The path of a tokenizer.json. */
  tokenizer?: string;
  /** What a model's metadata cannot tell. */
  triton?: Record<string, unknown>;
  /** Any other key is the model's own, or a newer library's. */
  [key: string]: unknown;
}

/** A name that requests may give as their model, and where and how it is called. Several of one name share its calls. */
export interface Deployment {
  /** A `*` stands for any text, and for the same text in `model`. */
  model_name: string;
  /** Any further key is a parameter for requests that do not have it. */
  mishikallm_params: {
    model: string;
    rpm?: number;
    tpm?: number;
    max_parallel_requests?: number;
    weight?: number;
    /** Where the server tells its metrics, for `triton-load`. */
    metrics_url?: string;
  } & CallOptions;
  model_info?: { id?: string; max_input_tokens?: number; [key: string]: unknown };
}

/** Which of several deployments is asked, and who is asked when one fails. */
export interface RouterSettings {
  routing_strategy?: 'simple-shuffle' | 'least-busy' | 'latency-based-routing' | 'usage-based-routing' | 'triton-load';
  num_retries?: number;
  timeout?: number;
  stream_timeout?: number;
  /** The shortest pause before the same deployments are tried again, in seconds. */
  retry_after?: number;
  /** Failures in a minute after which a deployment rests (3). */
  allowed_fails?: number;
  /** How long it rests, in seconds (5). */
  cooldown_time?: number;
  disable_cooldowns?: boolean;
  enable_pre_call_checks?: boolean;
  model_group_alias?: Record<string, string | { model: string; hidden?: boolean }>;
  fallbacks?: Record<string, string[]>[];
  default_fallbacks?: string[];
  context_window_fallbacks?: Record<string, string[]>[];
}

/** What a client is made of: defaults for its requests, and what only a client has. */
export interface ClientConfig extends CallOptions {
  model_list?: Deployment[];
  router_settings?: RouterSettings;
  tls?: { ca_file?: string; client_cert_file?: string; client_key_file?: string; insecure?: boolean };
  /** "" for none. */
  proxy?: string;
  /** The most calls at once (256); more wait for their turn. 1024 at most. */
  workers?: number;
  /** The most calls that wait (65536). */
  queue_size?: number;
  max_reply_bytes?: number;
}

export interface TextPart { type: 'text'; text: string }
export interface ImagePart { type: 'image_url'; image_url: { url: string; detail?: string } }

export interface ToolCall {
  id: string;
  type: 'function';
  function: { name: string; arguments: string };
}

export interface Message {
  role: 'system' | 'developer' | 'user' | 'assistant' | 'tool' | (string & {});
  content?: string | (TextPart | ImagePart)[] | null;
  name?: string;
  tool_calls?: ToolCall[];
  tool_call_id?: string;
  reasoning_content?: string | null;
}

export interface Tool {
  type: 'function';
  function: { name: string; description?: string; parameters?: Record<string, unknown>; strict?: boolean | null };
}

/** What chats and text completions have in common. */
export interface GenerationRequest extends CallOptions {
  /** "triton/NAME", or a name of the client's model_list. */
  model: string;
  max_tokens?: number | null;
  temperature?: number | null;
  top_p?: number | null;
  n?: number | null;
  stop?: string | string[] | null;
  seed?: number | null;
  frequency_penalty?: number | null;
  presence_penalty?: number | null;
  stream?: boolean | null;
  stream_options?: { include_usage?: boolean } | null;
  user?: string;
}

export interface ChatRequest extends GenerationRequest {
  messages: Message[];
  max_completion_tokens?: number | null;
  logprobs?: boolean | null;
  top_logprobs?: number | null;
  tools?: Tool[];
  tool_choice?: 'none' | 'auto' | 'required' | { type: 'function'; function: { name: string } };
  parallel_tool_calls?: boolean;
  response_format?: { type: 'text' | 'json_object' | 'json_schema'; json_schema?: Record<string, unknown> };
}

export interface TextRequest extends GenerationRequest {
  prompt: string | string[];
  echo?: boolean | null;
  logprobs?: number | null;
}

export interface EmbeddingRequest extends CallOptions {
  model: string;
  /** One text, several, or token ids for a model that takes them. */
  input: string | string[] | number[] | number[][];
  dimensions?: number;
  user?: string;
}
