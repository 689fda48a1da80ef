/* The library, through its C ABI, as a C program uses it: one client for all threads, JSON in, JSON out.
 *
 *     client BASE_URL                BASE_URL is a fixed-reply server's
 *
 * The modes; R and D are the rows and columns of the embeddings:
 *     generate             …/v2/models/llm/generate, the request made to fit by the model's metadata
 *     generate-server      the same with the server alone as api_base
 *     generate-plain       the same endpoint where no metadata is to be had
 *     infer, infer-plain   …/infer, text
 *     embed-json:RxD       no metadata, so plain JSON from Triton; JSON to the caller
 *     embed-binary:RxD     metadata, so binary tensors from Triton; JSON to the caller
 *     embed-floats:RxD     binary tensors from Triton; an array of floats to the caller
 *     embed-floats-json:RxD  no metadata, so plain JSON from Triton; an array of floats to the caller
 *     stream:MODEL         …/MODEL/generate_stream; MODEL is s and the number of events, s500 or s500b
 */
#define _GNU_SOURCE
#include "load.h"
#include "mishikallm.h"

#include <stdatomic.h>
#include <string.h>

#define EXPECTED_TEXT "The quick brown fox jumps over the lazy dog and then some more words follow it."

enum { OK = 0, DONE = 1, STREAM_PATIENCE_MS = 10000 };

static const char *base_url;
static mishikallm_client *client;

/* The case: its request as JSON, the function that makes a call of it, and what a right reply holds. */
static char request[1 << 20];
static bool (*call)(void);
static size_t rows, columns, events;

/* The first wrong reply is shown, so that "bad" has a reason. */
static bool checked(bool good, const char *reply)
{
    static atomic_flag shown = ATOMIC_FLAG_INIT;
    if (!good && !atomic_flag_test_and_set(&shown))
        fprintf(stderr, "a wrong reply: %.500s\n", reply ? reply : "(nothing)");
    return good;
}

static bool completion(void)
{
    int32_t status;
    char *reply = mishikallm_completion(client, request, &status);
    bool good = checked(status == OK && strstr(reply, EXPECTED_TEXT), reply);
    mishikallm_string_free(reply);
    return good;
}

/* strstr() over megabytes of digits would cost more than a careful library does; memchr() hardly costs. */
static size_t count_embeddings(const char *json)
{
    static const char key[] = "\"embedding\":";
    const size_t length = sizeof key - 1;
    const char *end = json + strlen(json);
    size_t count = 0;
    for (const char *at = json; (at = memchr(at, '[', end - at)); at++)
        count += (size_t)(at - json) >= length && !memcmp(at - length, key, length);
    return count;
}

static bool embedding(void)
{
    int32_t status;
    char *reply = mishikallm_embedding(client, request, &status);
    bool good = checked(status == OK && count_embeddings(reply) == rows, reply);
    mishikallm_string_free(reply);
    return good;
}

#ifdef HAVE_EMBEDDING_F32
static bool embedding_floats(void)
{
    char *error = NULL;
    mishikallm_embeddings *reply = mishikallm_embedding_f32(client, request, &error);
    size_t got_rows = 0, got_columns = 0;
    const float *data = reply ? mishikallm_embeddings_data(reply, &got_rows, &got_columns) : NULL;
    bool good = data && got_rows == rows && got_columns == columns && data[0] != data[rows * columns - 1];
    checked(good, error);
    mishikallm_embeddings_free(reply);
    mishikallm_string_free(error);
    return good;
}
#endif

#ifdef HAVE_STREAM
static bool stream(void)
{
    char *error = NULL;
    mishikallm_stream *reply = mishikallm_stream_open(client, "chat.completions", request, &error);
    int32_t status = OK;
    size_t got = 0;
    while (reply && status == OK) {
        char *chunk = mishikallm_stream_next(reply, STREAM_PATIENCE_MS, &status);
        got += chunk && strstr(chunk, "\"content\":\"token");
        checked(status >= OK, chunk);
        mishikallm_string_free(chunk);
    }
    bool good = checked(status == DONE && got == events, error);
    mishikallm_stream_free(reply);
    mishikallm_string_free(error);
    return good;
}
#endif

/* A mode's model is `model` and the argument of the mode; without an `endpoint`, the server alone is the api_base. */
struct mode {
    const char *name;
    bool (*call)(void);
    const char *model, *endpoint;
};

static const struct mode modes[] = {
    {"generate", completion, "llm", "generate"},
    {"generate-server", completion, "llm", NULL},
    {"generate-plain", completion, "plain_llm", "generate"},
    {"infer", completion, "infer_llm", "infer"},
    {"infer-plain", completion, "plain_infer_llm", "infer"},
    {"embed-json", embedding, "plain_e", "infer"},
    {"embed-binary", embedding, "e", "infer"},
#ifdef HAVE_EMBEDDING_F32
    {"embed-floats", embedding_floats, "e", "infer"},
    {"embed-floats-json", embedding_floats, "plain_e", "infer"},
#endif
#ifdef HAVE_STREAM
    {"stream", stream, "", "generate_stream"},
#endif
};

static const struct mode *find_mode(const char *name)
{
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (!strcmp(modes[i].name, name))
            return &modes[i];
    die("unknown mode", name);
}

static void write_request(const struct mode *mode, const char *argument)
{
    FILE *out = fmemopen(request, sizeof request, "w");
    fprintf(out, "{\"model\":\"triton/%s%s\",\"api_base\":\"%s", mode->model, argument, base_url);
    if (mode->endpoint)
        fprintf(out, "/v2/models/%s%s/%s", mode->model, argument, mode->endpoint);
    if (rows == 0)
        fprintf(out, "\",\"messages\":[{\"role\":\"user\",\"content\":\"hello big world\"}],\"max_tokens\":16}");
    else
        fprintf(out, "\",\"input\":[");
    for (size_t i = 0; i < rows; i++)
        fprintf(out, "\"the quick brown fox number %zu jumps over the lazy dog\"%s", i, i + 1 < rows ? "," : "]}");
    if (fclose(out))
        die("too long a request", mode->name);
}

void client_start(int argc, char **argv)
{
    if (argc != 2)
        die("usage", "client BASE_URL");
    base_url = argv[1];
    char *error = NULL;
    client = mishikallm_client_new("{}", &error);
    if (!client)
        die("no client", error);
}

void client_prepare(const char *name_and_argument, int threads)
{
    (void)threads; /* one client serves them all */
    char name[64];
    snprintf(name, sizeof name, "%s", name_and_argument);
    char *argument = strchr(name, ':');
    if (argument)
        *argument++ = 0;
    else
        argument = "";

    const struct mode *mode = find_mode(name);
    call = mode->call;
    events = rows = columns = 0;
    if (sscanf(argument, "s%zu", &events) != 1)
        sscanf(argument, "%zux%zu", &rows, &columns);
    write_request(mode, argument);
}

bool client_call(int thread)
{
    (void)thread;
    return call();
}
