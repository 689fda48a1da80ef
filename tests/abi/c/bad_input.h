/* The tables of bad_input.c: what is wrong in each field, and in the whole. */
#ifndef BAD_INPUT_H
#define BAD_INPUT_H

#include <stddef.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* The operations, and a bit for each. */
static const char *const all[] = {"chat.completions", "completions", "embeddings", "models", "health"};
enum { CHAT = 1, TEXT = 2, VECTORS = 4, MODELS = 8, HEALTH = 16 };
/* Wrong only where the whole answer is asked for; found only when the call begins. */
enum { WHOLE = 32, LATER = 64 };
enum { BOTH = CHAT | TEXT, CALLS = BOTH | VECTORS, EVERY = CALLS | MODELS | HEALTH };

/* Texts that are no JSON object: NULL, nothing, other values, broken ones, and bytes that are no UTF-8. */
static const char *const no_objects[] = {
    NULL,
    "", "   ", "null", "true", "5", "\"private\"", "[]", "[{\"model\":\"private\"}]",
    "{", "}", "{]", "{}{}", "{} x", "{\"model\"}", "{\"model\":}", "{\"model\":\"private", "{model:1}", "{'model':1}",
    "{\"a\":1,}", "{\"a\":01}", "{\"a\":NaN}", "{\"a\":1e999}", "{\"a\":\"\\ud800\"}", "{\"a\":\"\\x\"}",
    "{\"a\":\"private\nline\"}", "\xef\xbb\xbf{}",
    "\xff", "{\"a\":\"\xff\"}", "{\"a\":\"\xc3\"}", "{\"a\":\"\xc0\x80\"}", "{\"a\":\"\xed\xa0\x80\"}",
    "{\"a\":\"\xf5\x80\x80\x80\"}", "private \x80",
};

static const char *const no_operation[] = {
    NULL, "", " ", "chat", "Chat.Completions", "chat.completions ", "/v1/chat/completions", "images.generations",
    "an operation whose name is much longer than any that there is, and holds a private thing", "\xff",
};

/* In the place of a value: the field is not there. */
static const char missing[] = "missing";

#define VALUES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NO_STRING "5", "true", "[]", "{}", "[\"private\"]"
#define NO_NUMBER "\"5\"", "\"private\"", "true", "[]", "{}", "[5]"
#define NO_WHOLE NO_NUMBER, "1.5", "-0.5"
#define NO_COUNT NO_WHOLE, "0", "-1", "1e300", "18446744073709551616"
#define NO_BOOLEAN "1", "0", "\"true\"", "\"private\"", "[]", "{}"
#define NO_OBJECT "5", "true", "\"private\"", "[]", "[{}]"
#define NO_LIST "5", "true", "\"private\"", "{}"
#define NO_SECONDS NO_NUMBER, "0", "-1", "-0.0"
#define NO_RETRIES NO_WHOLE, "-1", "33", "1e300", "4294967296"
#define NO_HEADERS NO_OBJECT, "{\"\":\"secret\"}", "{\"a b\":\"secret\"}", "{\"a:\":\"secret\"}"
#define USER(more) "[{\"role\":\"user\"," more "}]"

/* api_base of every wrong kind. */
#define NO_SERVER                                                                                             \
    NO_STRING, "\"\"", "\"  \"", "\"localhost:8000\"", "\"//h\"", "\"/v2\"", "\"ftp://h/private\"",           \
        "\"unix:///s\"", "\"http:\"", "\"http://\"", "\"http:///v2\"", "\"http://:80\"", "\"http://h h\"",    \
        "\"http://h/a b\"", "\"http://h:99999\"", "\"http://h:-1\"", "\"http://h:x\"", "\"http://[::1\"",     \
        "\"http://h\\u0000\"", "\"http://h\\n/x\"", "\"http://h/\\u0007\"", "\"http://u:secret@h\"",          \
        "\"http://secret@h/generate\"", "\"http://h/v2/models/m/stats\"", "\"http://h/v2/health/ready\"",     \
        "\"http://h/v2/models/m/generate/x\"", "\"http://h/v2/models/m/versions/1/x\""

static const struct field {
    int operations;
    const char *field;
    const char *const *wrong;
    /* What the error names, where it is not the field itself. */
    const char *name;
} fields[] = {
    /* What to ask for. */
    {CALLS, "model", VALUES(missing, NO_STRING, "\"\"", "\" \"", "\"private\"", "\"triton/\"", "\"openai/x\""), NULL},
    {HEALTH, "model", VALUES(NO_STRING, "\"private\"", "\"triton/\""), NULL},
    {CHAT, "messages", VALUES(missing, NO_LIST, "[]", "null"), NULL},
    {CHAT, "messages", VALUES("[5]", "[null]", "[\"private\"]", "[[]]"), "messages[0]"},
    {CHAT, "messages",
     VALUES("[{}]", "[{\"content\":\"private\"}]", "[{\"role\":5}]", "[{\"role\":null}]", "[{\"role\":[\"user\"]}]"),
     "messages[0].role"},
    {CHAT, "messages", VALUES(USER("\"content\":5"), USER("\"content\":true"), USER("\"content\":{}")),
     "messages[0].content"},
    {CHAT, "messages",
     VALUES(USER("\"content\":[5]"), USER("\"content\":[{}]"), USER("\"content\":[{\"type\":5}]"),
            USER("\"content\":[{\"type\":\"text\"}]"), USER("\"content\":[{\"type\":\"text\",\"text\":5}]"),
            USER("\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"private\"}}]"),
            USER("\"content\":[{\"type\":\"private\"}]")),
     "messages[0].content[0]"},
    {TEXT, "prompt", VALUES(missing, "5", "true", "{}", "[]", "[5]", "null"), NULL},
    {TEXT, "prompt", VALUES("[[1,2]]", "[null]", "[{\"private\":1}]", "[true]"), "prompt[0]"},
    {VECTORS, "input", VALUES(missing, "5", "true", "{}", "[]", "null"), NULL},
    {VECTORS, "input", VALUES("[null]", "[{\"private\":1}]", "[true]"), "input[0]"},
    {VECTORS, "input", VALUES("[\"private\",5]", "[5,\"private\"]", "[1,1.5]", "[[1],[]]", "[[1],\"private\"]"),
     "input[1]"},
    {VECTORS | LATER, "input", VALUES("[1,2]", "[[1,2]]"), NULL}, /* for a model that is not known to take them */

    /* How to generate. */
    {BOTH, "max_tokens", VALUES(NO_COUNT), NULL},
    {BOTH, "max_completion_tokens", VALUES(NO_COUNT), NULL},
    {BOTH, "temperature", VALUES(NO_NUMBER), NULL},
    {BOTH, "top_p", VALUES(NO_NUMBER), NULL},
    {BOTH, "presence_penalty", VALUES(NO_NUMBER), NULL},
    {BOTH, "frequency_penalty", VALUES(NO_NUMBER), NULL},
    {BOTH, "seed", VALUES(NO_WHOLE), NULL},
    {BOTH, "stop", VALUES("5", "true", "{}", "\"\"", "[\"\"]", "[\"a\",\"\"]"), NULL},
    {BOTH, "stop", VALUES("[5]", "[null]", "[[]]"), "stop[0]"},
    {BOTH, "stream", VALUES(NO_BOOLEAN), NULL},
    {BOTH | WHOLE, "stream", VALUES("true"), NULL},
    {BOTH, "stream_options", VALUES(NO_OBJECT), NULL},
    {BOTH, "stream_options", VALUES("{\"include_usage\":\"private\"}"), "stream_options.include_usage"},
    {BOTH, "n", VALUES(NO_COUNT, "2"), NULL},
    {TEXT, "best_of", VALUES(NO_COUNT, "2"), NULL},
    {BOTH, "logprobs", VALUES("true", "5", "\"private\""), NULL},
    {CHAT, "tool_choice", VALUES("5", "\"private\"", "{}"), NULL},
    {CHAT, "top_logprobs", VALUES("-1", "21", "\"private\""), NULL},
    {BOTH, "tools", VALUES("5", "\"private\"", "[{}]"), NULL},
    {BOTH, "response_format", VALUES("5", "\"private\"", "{\"type\":\"json_object\"}"), NULL},
    {BOTH, "extra_body", VALUES(NO_OBJECT), NULL},
    {CALLS, "user", VALUES(NO_STRING), NULL},
    {BOTH, "service_tier", VALUES(NO_STRING), NULL},
    {BOTH, "store", VALUES(NO_BOOLEAN), NULL},
    {BOTH, "parallel_tool_calls", VALUES(NO_BOOLEAN), NULL},
    {BOTH, "metadata", VALUES(NO_OBJECT), NULL},

    /* How to embed. */
    {VECTORS, "encoding_format", VALUES(NO_STRING, "\"private\"", "\"\""), NULL},
    {VECTORS, "dimensions", VALUES(NO_COUNT), NULL},
    {VECTORS, "mock_response", VALUES("\"private\""), NULL},

    /* Where and how to call. */
    {EVERY, "api_base", VALUES(missing, NO_SERVER), NULL},
    {EVERY, "base_url", VALUES(NO_STRING), NULL}, /* beside an api_base */
    {BOTH | LATER, "api_base", VALUES("\"http://h/embeddings\""), NULL},
    {VECTORS | LATER, "api_base", VALUES("\"http://h/generate\""), NULL},
    {MODELS | HEALTH | LATER, "api_base", VALUES("\"http://h/x/generate\""), NULL},
    {EVERY, "api_key", VALUES(NO_STRING, "\"secret\\nkey\"", "\"secret\\u0000\""), NULL},
    {EVERY, "timeout", VALUES(NO_SECONDS), NULL},
    {EVERY, "request_timeout", VALUES(NO_SECONDS), NULL},
    {EVERY, "connect_timeout", VALUES(NO_SECONDS), NULL},
    {EVERY, "idle_timeout", VALUES(NO_SECONDS), NULL},
    {EVERY, "first_byte_timeout", VALUES(NO_SECONDS), NULL},
    {EVERY, "stream_timeout", VALUES(NO_SECONDS), NULL},
    {EVERY, "num_retries", VALUES(NO_RETRIES), NULL},
    {EVERY, "max_retries", VALUES(NO_RETRIES), NULL},
    {EVERY, "extra_headers", VALUES(NO_HEADERS), NULL},
    {EVERY, "extra_headers",
     VALUES("{\"x\":[]}", "{\"x\":{}}", "{\"x\":\"secret\\r\\ny: z\"}", "{\"x\":\"secret\\u0000\"}"),
     "extra_headers.x"},
    {EVERY, "extra_headers", VALUES("{\"Content-Length\":\"5\"}"), "extra_headers.Content-Length"},
    {EVERY, "extra_headers", VALUES("{\"Host\":\"private\"}"), "extra_headers.Host"},
    {EVERY, "headers", VALUES(NO_HEADERS), NULL},
    {EVERY, "drop_params", VALUES(NO_BOOLEAN), NULL},
    {EVERY, "allowed_openai_params", VALUES("5", "true", "{}"), NULL},
    {EVERY, "additional_drop_params", VALUES("5", "true", "{}"), NULL},
    {EVERY, "additional_drop_params", VALUES("[5]"), "additional_drop_params[0]"},
    {BOTH, "mock_response", VALUES(NO_STRING), NULL},
    {EVERY, "triton", VALUES(NO_OBJECT), NULL},
    {EVERY, "triton", VALUES("{\"input\":5}", "{\"input\":[]}", "{\"input\":\"\"}"), "triton.input"},
    {EVERY, "triton", VALUES("{\"output\":5}", "{\"output\":{}}", "{\"output\":\"\"}"), "triton.output"},
    {EVERY, "triton", VALUES("{\"endpoint\":5}", "{\"endpoint\":\"private\"}", "{\"endpoint\":\"\"}"),
     "triton.endpoint"},
    {EVERY, "triton",
     VALUES("{\"version\":1.5}", "{\"version\":-1}", "{\"version\":true}", "{\"version\":\"\"}",
            "{\"version\":\"private\"}", "{\"version\":\"1/x\"}"),
     "triton.version"},
    {EVERY, "triton", VALUES("{\"binary\":1}", "{\"binary\":\"true\"}"), "triton.binary"},
    {EVERY, "triton", VALUES("{\"inputs\":\"private\"}"), "triton.inputs"},
    {EVERY, "fallbacks", VALUES(NO_LIST), NULL},
    {EVERY, "fallbacks", VALUES("[5]", "[null]", "[[]]", "[true]"), "fallbacks[0]"},
    {CALLS, "fallbacks", VALUES("[{\"model\":5}]", "[\"private\"]", "[\"triton/\"]", "[{\"model\":\"\"}]"), "model"},
    {EVERY, "fallbacks", VALUES("[{\"api_base\":5}]", "[{\"api_base\":\"http://u:secret@h\"}]"), "api_base"},
    {EVERY, "chat_template", VALUES(NO_STRING), NULL},
    {CHAT, "chat_template", VALUES("\"private\"", "\"{% for %}\"", "\"{{ f( }}\"", "\"/dev/null\""), NULL},
    {EVERY, "chat_template_kwargs", VALUES("5", "\"private\"", "[]"), NULL},
    {EVERY, "tool_call_parser", VALUES(NO_STRING), NULL},
    {EVERY, "separate_reasoning", VALUES("1", "\"private\""), NULL},
    {EVERY, "triton", VALUES("{\"dialect\":5}", "{\"dialect\":\"private\"}"), "triton.dialect"},
    {EVERY, "triton", VALUES("{\"parameters\":\"private\"}"), "triton.parameters"},
    {EVERY, "tokenizer", VALUES(NO_STRING, "\"\""), NULL},
    {VECTORS, "tokenizer", VALUES("\"private\"", "\"/dev/null\"", "\"/dev\""), NULL},
    {EVERY, "triton", VALUES("{\"pooling\":5}", "{\"pooling\":\"private\"}"), "triton.pooling"},
    {EVERY, "triton", VALUES("{\"normalize\":1}"), "triton.normalize"},
    {EVERY, "triton", VALUES("{\"truncate_dimensions\":\"private\"}"), "triton.truncate_dimensions"},
    {MODELS, "model", VALUES(NO_STRING), NULL},
    {MODELS | HEALTH, "prompt", VALUES("\"private\""), NULL}, /* of another operation */
};

/* A client's configuration. */
static const struct field configurations[] = {
    {0, "api_key", VALUES(NO_STRING), NULL},
    {0, "api_base", VALUES(NO_STRING, NO_SERVER), NULL},
    {0, "timeout", VALUES(NO_SECONDS), NULL},
    {0, "connect_timeout", VALUES(NO_SECONDS), NULL},
    {0, "idle_timeout", VALUES(NO_SECONDS), NULL},
    {0, "first_byte_timeout", VALUES(NO_SECONDS), NULL},
    {0, "stream_timeout", VALUES(NO_SECONDS), NULL},
    {0, "workers", VALUES(NO_COUNT, "1025"), NULL},
    {0, "queue_size", VALUES(NO_COUNT, "1048577"), NULL},
    {0, "num_retries", VALUES(NO_RETRIES), NULL},
    {0, "extra_headers", VALUES(NO_HEADERS), NULL},
    {0, "drop_params", VALUES(NO_BOOLEAN), NULL},
    {0, "triton", VALUES(NO_OBJECT), NULL},
    {0, "triton", VALUES("{\"binary\":1}"), "triton.binary"},
    {0, "max_reply_bytes", VALUES(NO_COUNT), NULL},
    {0, "proxy", VALUES(NO_STRING, "\"ftp://private\"", "\"http://u:secret@\""), NULL},
    {0, "tls", VALUES(NO_OBJECT), NULL},
    {0, "tls", VALUES("{\"ca_file\":5}", "{\"ca_file\":\"/there/is/none\"}"), "tls.ca_file"},
    {0, "tls", VALUES("{\"client_cert_file\":\"private\"}", "{\"client_key_file\":\"private\"}"),
     "tls.client_cert_file"},
    {0, "tls", VALUES("{\"insecure\":1}"), "tls.insecure"},
    {0, "tls", VALUES("{\"verify\":false}"), "tls.verify"},
    {0, "model_list", VALUES(NO_LIST), NULL},
    {0, "model_list", VALUES("[5]", "[null]", "[[]]"), "model_list[0]"},
    {0, "model_list", VALUES("[{}]"), "model_list[0].model_name"},
    {0, "model_list", VALUES("[{\"model_name\":\"a\"}]", "[{\"model_name\":\"a\",\"mishikallm_params\":{}}]"),
     "model_list[0].mishikallm_params.model"},
    {0, "temperature", VALUES("0.5"), NULL}, /* no field of a client */
    {0, "new_field", VALUES("5"), NULL},
};

#endif
