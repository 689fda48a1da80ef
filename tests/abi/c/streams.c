/* Streams: chunks in order, waiting for a time, errors, cancelling and freeing from wherever, two threads at once.
 * usage: streams URL REFUSED_URL */
#define _POSIX_C_SOURCE 200809L
#include "server.h"

static const char *nobody;

static mishikallm_stream *opened(const mishikallm_client *client, const char *model, const char *more)
{
    char *error = (char *)"anything";
    mishikallm_stream *stream =
        mishikallm_stream_open(client, "chat.completions", chat_with(model, more).json, &error);
    CHECK(stream != NULL && error == NULL); /* written on success too */
    return stream;
}

/* The next chunk has this text. */
static void expect_text(mishikallm_stream *stream, const char *text)
{
    int32_t status = -99;
    char *chunk = mishikallm_stream_next(stream, -1, &status);
    if (status != MISHIKALLM_OK) fprintf(stderr, "%s: %s\n", mishikallm_status_name(status), chunk ? chunk : "NULL");
    CHECK(status == MISHIKALLM_OK);
    CHECK_JSON(chunk, "choices.0.delta.content", text);
    mishikallm_string_free(chunk);
}

/* There is nothing, whatever the patience: the stream is over, or nothing came in time. */
static void expect_nothing(mishikallm_stream *stream, int32_t timeout_ms, int32_t expected)
{
    int32_t status = -99;
    char *chunk = mishikallm_stream_next(stream, timeout_ms, &status);
    CHECK(status == expected && chunk == NULL);
}

/* The stream failed, and says so whenever it is asked, in the same words. */
static void expect_error(mishikallm_stream *stream, int32_t expected, const char *http)
{
    int32_t status = -99;
    char *first = mishikallm_stream_next(stream, -1, &status);
    if (status != expected) fprintf(stderr, "%s: %s\n", mishikallm_status_name(status), first ? first : "NULL");
    CHECK(status == expected);
    CHECK_JSON(first, "error.status", http);
    for (int32_t timeout = -1; timeout <= 1; timeout++) {
        status = -99;
        char *again = mishikallm_stream_next(stream, timeout, &status);
        CHECK(status == expected && strcmp(first, again) == 0);
        mishikallm_string_free(again);
    }
    mishikallm_string_free(first);
}

static void in_order(const mishikallm_client *client)
{
    mishikallm_stream *stream = opened(client, "say-5-1", "");
    char id[64] = "";
    for (int i = 0; i < 6; i++) {
        int32_t status = -99;
        char text[16], *chunk = mishikallm_stream_next(stream, -1, &status);
        CHECK(status == MISHIKALLM_OK);
        CHECK_JSON(chunk, "object", "\"chat.completion.chunk\"");
        CHECK_JSON(chunk, "model", "\"say-5-1\"");
        snprintf(text, sizeof text, "\"%d \"", i);
        if (i == 0) {
            CHECK_JSON(chunk, "choices.0.delta.role", "\"assistant\"");
            snprintf(id, sizeof id, "%.*s", (int)strcspn(json_at(chunk, "id"), ","), json_at(chunk, "id"));
        }
        CHECK_JSON(chunk, "id", id);
        if (i < 5) CHECK_JSON(chunk, "choices.0.delta.content", text);
        CHECK_JSON(chunk, "choices.0.finish_reason", i < 5 ? "null" : "\"stop\"");
        CHECK(json_at(chunk, "usage") == NULL);
        mishikallm_string_free(chunk);
    }
    for (int32_t timeout = -1; timeout <= 1; timeout++) expect_nothing(stream, timeout, MISHIKALLM_DONE);
    mishikallm_stream_cancel(stream);
    expect_nothing(stream, -1, MISHIKALLM_DONE); /* what is over stays as it is */
    CHECK(mishikallm_stream_next(stream, -1, NULL) == NULL);
    mishikallm_stream_free(stream);
}

/* Text completions; and the usage, in a last chunk of its own. */
static void other_shapes(const mishikallm_client *client)
{
    char request[256];
    snprintf(request, sizeof request,
             "{\"model\":\"triton/llm\",\"api_base\":\"%s\",\"prompt\":[\"one\",\"two\"],\"stream\":true,"
             "\"stream_options\":{\"include_usage\":true}}",
             server);
    mishikallm_stream *stream = mishikallm_stream_open(client, "completions", request, NULL);
    static const char *texts[] = {"\"echo: \"", "\"one\"", "\"\"", "\"echo: \"", "\"two\"", "\"\""};
    for (int i = 0; i < 6; i++) {
        char *chunk = mishikallm_stream_next(stream, -1, NULL);
        CHECK_JSON(chunk, "object", "\"text_completion\"");
        CHECK_JSON(chunk, "choices.0.index", i < 3 ? "0" : "1");
        CHECK_JSON(chunk, "choices.0.text", texts[i]);
        CHECK_JSON(chunk, "usage", "null");
        mishikallm_string_free(chunk);
    }
    char *usage = mishikallm_stream_next(stream, -1, NULL);
    CHECK_JSON(usage, "choices", "[]");
    CHECK(strtol(json_at(usage, "usage.completion_tokens"), NULL, 10) > 0);
    mishikallm_string_free(usage);
    expect_nothing(stream, -1, MISHIKALLM_DONE);
    mishikallm_stream_free(stream);
}

static void patience(const mishikallm_client *client)
{
    /* 0 takes what is there, and gets on with everything before the first chunk. */
    mishikallm_stream *stream = opened(client, "silent-1-300", ",\"timeout\":60");
    int32_t status = MISHIKALLM_TIMEOUT;
    char *chunk = NULL;
    int timeouts = 0;
    for (double began = seconds(); status == MISHIKALLM_TIMEOUT; timeouts++) {
        CHECK(chunk == NULL && seconds() - began < 2 * SOON);
        chunk = mishikallm_stream_next(stream, 0, &status);
    }
    CHECK(status == MISHIKALLM_OK && timeouts > 1);
    CHECK_JSON(chunk, "choices.0.delta.content", "\"0 \"");
    mishikallm_string_free(chunk);

    /* Nothing more will come: a time-out is no end, and takes as long as it says. */
    static const int32_t times[] = {0, 1, 50, 0, 200};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        double began = seconds();
        expect_nothing(stream, times[i], MISHIKALLM_TIMEOUT);
        CHECK(seconds() - began >= times[i] / 1e3 && seconds() - began < SOON);
    }
    mishikallm_stream_free(stream);

    /* Negative: as long as the call's own time-outs let it. */
    stream = opened(client, "silent-1-0", ",\"stream_timeout\":0.5");
    expect_text(stream, "\"0 \"");
    expect_nothing(stream, 1, MISHIKALLM_TIMEOUT);
    expect_error(stream, MISHIKALLM_DEADLINE, "408");
    mishikallm_stream_free(stream);

    stream = opened(client, "say-2-50", "");
    expect_text(stream, "\"0 \"");
    chunk = mishikallm_stream_next(stream, INT32_MIN, &status);
    CHECK_JSON(chunk, "choices.0.delta.content", "\"1 \"");
    mishikallm_string_free(chunk);
    mishikallm_stream_free(stream);
}

static void failures(const mishikallm_client *client)
{
    static const struct {
        const char *model;
        int32_t status;
        const char *http;
    } midway[] = {{"error-2-5", MISHIKALLM_SERVER, "500"}, {"cut-2-5", MISHIKALLM_PROTOCOL, "502"},
                  {"error-2-0", MISHIKALLM_SERVER, "500"}, {"cut-2-0", MISHIKALLM_PROTOCOL, "502"}};
    for (size_t i = 0; i < sizeof midway / sizeof *midway; i++) {
        mishikallm_stream *stream = opened(client, midway[i].model, "");
        expect_text(stream, "\"0 \"");
        expect_text(stream, "\"1 \"");
        expect_error(stream, midway[i].status, midway[i].http);
        mishikallm_stream_cancel(stream);
        expect_error(stream, midway[i].status, midway[i].http); /* what is over stays as it is */
        mishikallm_stream_free(stream);
    }

    /* Whether the server can be reached, and what it says, shows with the first chunk. */
    char request[256];
    snprintf(request, sizeof request, "{\"model\":\"triton/llm\",\"api_base\":\"%s\",\"prompt\":\"hello\"}", nobody);
    mishikallm_stream *stream = mishikallm_stream_open(client, "completions", request, NULL);
    expect_error(stream, MISHIKALLM_CONNECT, "503");
    mishikallm_stream_free(stream);
    stream = mishikallm_stream_open(client, "chat.completions", chat_at("/nowhere/generate", "llm", "").json, NULL);
    expect_error(stream, MISHIKALLM_SERVER, "404");
    mishikallm_stream_free(stream);
}

static void refusals(const mishikallm_client *client)
{
    static const struct {
        const char *operation, *more, *param;
    } wrong[] = {
        {"chat.completions", ",\"timeout\":-1", "\"timeout\""},
        {"embeddings", "", "\"input\""},
        {"chat", "", "\"operation\""},
        {NULL, "", "\"operation\""},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct request request = chat_with("llm", wrong[i].more);
        char *error = NULL;
        CHECK(mishikallm_stream_open(client, wrong[i].operation, request.json, &error) == NULL);
        CHECK_JSON(error, "error.param", wrong[i].param);
        CHECK_JSON(error, "error.status", "400");
        mishikallm_string_free(error);
        CHECK(mishikallm_stream_open(client, wrong[i].operation, request.json, NULL) == NULL);
    }
    int32_t status = -99;
    char *error = mishikallm_stream_next(NULL, -1, &status);
    CHECK(status == MISHIKALLM_ARGUMENT);
    CHECK_JSON(error, "error.param", "\"stream\"");
    mishikallm_string_free(error);
}

static void *wait_cancelled(void *stream)
{
    expect_error(stream, MISHIKALLM_CANCELLED, "499");
    return NULL;
}

/* Cancels while another thread waits: for the head, for an event, for the look-up, and in a pause before a retry. */
static void cancelled_waiting(void)
{
    static const struct {
        const char *path, *model, *more;
        int texts;
    } places[] = {
        {"", "silent-0-0", "", 0},
        {"", "silent-1-0", "", 1},
        {"", "mute", "", 0},
        {"/busy/generate", "llm", ",\"num_retries\":1", -1},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        mishikallm_client *client = mishikallm_client_new(NULL, NULL);
        struct request request = chat_at(places[i].path, places[i].model, places[i].more);
        mishikallm_stream *stream = mishikallm_stream_open(client, "chat.completions", request.json, NULL);
        if (places[i].texts > 0) expect_text(stream, "\"0 \"");
        pthread_t waiting = started(wait_cancelled, stream);
        if (places[i].texts < 0) pause_for(0.05); /* the pause is the library's: nobody counts it */
        else await_count("silent", 1);
        double began = seconds();
        mishikallm_stream_cancel(stream);
        mishikallm_stream_cancel(stream);
        joined(waiting);
        CHECK(seconds() - began < SOON);
        await_count("silent", 0); /* the server is told, though nothing is freed yet */
        mishikallm_client_free(client);
        mishikallm_stream_free(stream);
    }
}

/* Cancels while another stream makes the look-up that this one waits for too: that goes on. */
static void cancelled_waiting_for_another(void)
{
    mishikallm_client *client = mishikallm_client_new(NULL, NULL);
    mishikallm_stream *looks = opened(client, "mute", ""), *waits = opened(client, "mute", "");
    pthread_t looking = started(wait_cancelled, looks);
    await_count("silent", 1);
    pthread_t waiting = started(wait_cancelled, waits);
    pause_for(0.05); /* it sends nothing that could be counted */
    mishikallm_stream_cancel(waits);
    joined(waiting);
    CHECK(counted("silent") == 1);
    mishikallm_stream_cancel(looks);
    joined(looking);
    mishikallm_stream_free(looks);
    mishikallm_stream_free(waits);
    mishikallm_client_free(client);
    await_count("silent", 0);
}

static void *read_all(void *stream)
{
    expect_text(stream, "\"0 \"");
    expect_text(stream, "\"1 \"");
    mishikallm_string_free(mishikallm_stream_next(stream, -1, NULL));
    expect_nothing(stream, -1, MISHIKALLM_DONE);
    return NULL;
}

/* A look-up is made by one call for all that want the model. When that call is cancelled, it fails no other, and
 * nothing is learnt from it: a model that is not known would be asked through generate, and answer otherwise. */
static void cancelled_looking(int with_another)
{
    mishikallm_client *client = mishikallm_client_new(NULL, NULL);
    mishikallm_stream *looks = opened(client, "say-2-0-late", ""), *waits = opened(client, "say-2-0-late", "");
    pthread_t looking = started(wait_cancelled, looks), waiting = looking;
    await_count("silent", 1);
    if (with_another) waiting = started(read_all, waits);
    pause_for(0.02);
    mishikallm_stream_cancel(looks);
    joined(looking);
    if (with_another) joined(waiting);
    char *answer = mishikallm_completion(client, chat_with("say-2-0-late", "").json, NULL);
    CHECK_JSON(answer, "choices.0.message.content", "\"0 1 \"");
    mishikallm_string_free(answer);
    mishikallm_stream_free(looks);
    mishikallm_stream_free(waits);
    mishikallm_client_free(client);
    await_count("silent", 0);
}

static void cancelled(const mishikallm_client *client)
{
    /* While nobody waits: the connection is closed at once. */
    mishikallm_stream *stream = opened(client, "endless-1-2", "");
    expect_text(stream, "\"0 \"");
    int left = counted("left");
    mishikallm_stream_cancel(stream);
    await_count("left", left + 1);
    expect_error(stream, MISHIKALLM_CANCELLED, "499");
    mishikallm_stream_cancel(stream);
    mishikallm_stream_free(stream);

    /* Before anything was sent: nothing is sent. */
    int connections = counted("accepted");
    mishikallm_client *fresh = mishikallm_client_new(NULL, NULL);
    stream = opened(fresh, "llm", "");
    mishikallm_stream_cancel(stream);
    expect_error(stream, MISHIKALLM_CANCELLED, "499");
    mishikallm_stream_free(stream);
    mishikallm_client_free(fresh);
    CHECK(counted("accepted") == connections);
}

static void freed(const mishikallm_client *client)
{
    mishikallm_stream_free(opened(client, "llm", "")); /* nothing was sent */

    mishikallm_stream *stream = opened(client, "endless-1-2", "");
    expect_text(stream, "\"0 \"");
    int left = counted("left");
    mishikallm_stream_free(stream);
    await_count("left", left + 1);
}

/* One chunk, which does not come. A second call would be a use of the handle after it was freed. */
static void *wait_freed(void *stream)
{
    int32_t status = -99;
    char *error = mishikallm_stream_next(stream, -1, &status);
    CHECK(status == MISHIKALLM_CANCELLED);
    CHECK_JSON(error, "error.status", "499");
    mishikallm_string_free(error);
    return NULL;
}

static void freed_waiting(const mishikallm_client *client)
{
    mishikallm_stream *stream = opened(client, "silent-0-0", "");
    pthread_t waiting = started(wait_freed, stream);
    await_count("silent", 1);
    mishikallm_stream_free(stream);
    joined(waiting);
    await_count("silent", 0);
}

static void *wait_closed(void *stream)
{
    expect_error(stream, MISHIKALLM_CLOSED, "499");
    return NULL;
}

/* The client is closed, or freed, before its streams: one not begun, one midway, one at its end, one waited for. */
static void client_first(void end(mishikallm_client *))
{
    mishikallm_client *client = mishikallm_client_new(NULL, NULL);
    mishikallm_stream *streams[] = {opened(client, "llm", ""), opened(client, "endless-1-2", ""),
                                    opened(client, "say-1-0", ""), opened(client, "silent-1-0", "")};
    expect_text(streams[1], "\"0 \"");
    expect_text(streams[2], "\"0 \"");
    mishikallm_string_free(mishikallm_stream_next(streams[2], -1, NULL));
    expect_nothing(streams[2], -1, MISHIKALLM_DONE);
    expect_text(streams[3], "\"0 \"");
    pthread_t waiting = started(wait_closed, streams[3]);
    await_count("silent", 1);
    pause_for(0.01); /* the thread most likely waits by now */
    end(client);
    joined(waiting);
    await_count("streaming", 0);
    expect_error(streams[0], MISHIKALLM_CLOSED, "499");
    expect_error(streams[1], MISHIKALLM_CLOSED, "499");
    expect_nothing(streams[2], -1, MISHIKALLM_DONE);
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) mishikallm_stream_free(streams[i]);
}

static void close_then_free(mishikallm_client *client)
{
    mishikallm_client_close(client);
    char *error = NULL;
    CHECK(mishikallm_stream_open(client, "chat.completions", chat_with("llm", "").json, &error) == NULL);
    CHECK_JSON(error, "error.status", "499");
    mishikallm_string_free(error);
    mishikallm_client_free(client);
}

/* Another thread waits: this one is told so, whatever its patience, and nothing else happens. */
static void busy(const mishikallm_client *client)
{
    mishikallm_stream *stream = opened(client, "silent-0-0", "");
    pthread_t waiting = started(wait_cancelled, stream);
    await_count("silent", 1); /* it has sent the request, and waits */
    int32_t status = -99;
    for (int32_t timeout = -1; timeout <= 1; timeout++) {
        char *error = mishikallm_stream_next(stream, timeout, &status);
        CHECK(status == MISHIKALLM_BUSY);
        CHECK_JSON(error, "error.status", "429");
        mishikallm_string_free(error);
    }
    mishikallm_stream_cancel(stream);
    joined(waiting);
    mishikallm_stream_free(stream);
}

enum { SHARED = 60 };
static atomic_int seen[SHARED];

/* Takes what it can of a stream that others read too. */
static void *share(void *stream)
{
    for (int32_t status = MISHIKALLM_OK; status != MISHIKALLM_DONE;) {
        char *chunk = mishikallm_stream_next(stream, 2, &status);
        CHECK(status == MISHIKALLM_OK || status == MISHIKALLM_DONE || status == MISHIKALLM_TIMEOUT ||
              status == MISHIKALLM_BUSY);
        const char *text = status == MISHIKALLM_OK ? json_at(chunk, "choices.0.delta.content") : NULL;
        if (text) atomic_fetch_add(&seen[atoi(text + 1)], 1);
        mishikallm_string_free(chunk);
    }
    return NULL;
}

/* Four threads read one stream: each chunk comes to one of them, once. */
static void shared(const mishikallm_client *client)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    mishikallm_stream *stream = opened(client, "say-60-1", "");
    for (int i = 0; i < THREADS; i++) threads[i] = started(share, stream);
    for (int i = 0; i < THREADS; i++) joined(threads[i]);
    for (int i = 0; i < SHARED; i++) CHECK(seen[i] == 1);
    mishikallm_stream_free(stream);
}

int main(int arguments, char **argument)
{
    CHECK(arguments == 3);
    server = argument[1];
    nobody = argument[2];
    alarm(120);

    mishikallm_client *own = mishikallm_client_new("{}", NULL);
    const mishikallm_client *clients[] = {own, NULL};
    for (int i = 0; i < 2; i++) {
        in_order(clients[i]);
        other_shapes(clients[i]);
        refusals(clients[i]);
        cancelled(clients[i]);
        freed(clients[i]);
    }
    patience(own);
    failures(own);
    cancelled_waiting();
    cancelled_waiting_for_another();
    cancelled_looking(0);
    cancelled_looking(1);
    freed_waiting(own);
    client_first(close_then_free);
    client_first(mishikallm_client_free);
    busy(own);
    shared(own);
    CHECK(tasks() == 1); /* a stream runs on its caller's threads */
    mishikallm_client_free(own);
    return 0;
}
