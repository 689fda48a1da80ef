/* Answers that come whole through a stream: any operation can be waited for in turns, and cancelled.
 * usage: whole URL */
#define _POSIX_C_SOURCE 200809L
#include "server.h"

static const char *const texts = "\"input\":[\"a\",\"b\"]";

/* A request for embeddings at a path of the server, which gives 1 to 6.5 in two rows. */
static struct request embed_at(const char *path)
{
    struct request request;
    snprintf(request.json, sizeof request.json, "{\"model\":\"triton/e\",\"api_base\":\"%s%s\",%s}", server, path,
             texts);
    return request;
}

static mishikallm_stream *opened(const mishikallm_client *client, const char *operation, const char *request)
{
    char *error = (char *)"anything";
    mishikallm_stream *stream = mishikallm_stream_open(client, operation, request, &error);
    CHECK(stream != NULL && error == NULL);
    return stream;
}

/* One chunk, which is what mishikallm_invoke() gives, and then the end. */
static void as_invoked(const mishikallm_client *client, const char *operation, const char *request, const char *path)
{
    char *answer = mishikallm_invoke(client, operation, request, NULL);
    mishikallm_stream *stream = opened(client, operation, request);
    int32_t status = -99;
    char *chunk = mishikallm_stream_next(stream, -1, &status);
    CHECK(status == MISHIKALLM_OK);
    const char *expected = json_at(answer, path), *got = json_at(chunk, path);
    CHECK(expected != NULL && got != NULL && strncmp(expected, got, strcspn(expected, ",}")) == 0);
    for (int i = 0; i < 2; i++) CHECK(mishikallm_stream_next(stream, -1, &status) == NULL && status == MISHIKALLM_DONE);
    mishikallm_string_free(answer);
    mishikallm_string_free(chunk);
    mishikallm_stream_free(stream);
}

static void whole(const mishikallm_client *client)
{
    struct request at_server = {""};
    snprintf(at_server.json, sizeof at_server.json, "{\"api_base\":\"%s\"}", server);
    as_invoked(client, "embeddings", embed_at("/vectors/infer").json, "data.1.embedding.2");
    as_invoked(client, "models", at_server.json, "data.0.id");
    as_invoked(client, "health", at_server.json, "status");
    as_invoked(client, "chat.completions", chat_with("llm", ",\"stream\":false").json, "choices.0.message.content");
}

/* Two rows, once. */
static void expect_rows(mishikallm_stream *stream, const char *model, float first, size_t expected)
{
    int32_t status = -99;
    char *error = (char *)"anything";
    mishikallm_embeddings *made = mishikallm_stream_embeddings(stream, -1, &status, &error);
    CHECK(status == MISHIKALLM_OK && made != NULL && error == NULL);
    size_t rows = 0, columns = 0;
    const float *data = mishikallm_embeddings_data(made, &rows, &columns);
    CHECK(rows == 2 && columns == expected && data[0] == first && data[2 * columns - 1] == 6.5f);
    char *info = mishikallm_embeddings_info(made);
    CHECK_JSON(info, "model", model);
    CHECK_JSON(info, "usage.prompt_tokens", "2");
    mishikallm_string_free(info);
    error = (char *)"anything";
    CHECK(mishikallm_stream_embeddings(stream, -1, &status, &error) == NULL);
    CHECK(status == MISHIKALLM_DONE && error == NULL);
    CHECK(mishikallm_stream_embeddings(stream, -1, NULL, NULL) == NULL);
    mishikallm_stream_free(stream); /* the rows keep nothing of it */
    CHECK(data[2 * columns - 1] == 6.5f);
    mishikallm_embeddings_free(made);
}

static void rows(const mishikallm_client *client)
{
    expect_rows(opened(client, "embeddings", embed_at("/vectors/infer").json), "\"vectors\"", 1.0f, 3);
    expect_rows(opened(client, "embeddings", embed_at("/binary/infer").json), "\"binary\"", 1.5f, 2);

    /* As numbers or as text, as it is asked for in the end. */
    mishikallm_stream *stream = opened(client, "embeddings", embed_at("/vectors/infer").json);
    int32_t status = MISHIKALLM_TIMEOUT;
    while (status == MISHIKALLM_TIMEOUT) {
        char *error = NULL;
        mishikallm_embeddings_free(mishikallm_stream_embeddings(stream, 0, &status, &error));
        CHECK(status == MISHIKALLM_TIMEOUT || status == MISHIKALLM_OK);
        if (status != MISHIKALLM_TIMEOUT) break;
        char *chunk = mishikallm_stream_next(stream, 0, &status);
        if (status == MISHIKALLM_OK) CHECK_JSON(chunk, "data.1.embedding.2", "6.5");
        mishikallm_string_free(chunk);
    }
    mishikallm_stream_free(stream);
}

static void refusals(const mishikallm_client *client)
{
    /* Another operation has no numbers: that changes nothing. */
    mishikallm_stream *stream = opened(client, "chat.completions", chat_with("say-1-0", "").json);
    int32_t status = -99;
    char *error = NULL;
    CHECK(mishikallm_stream_embeddings(stream, -1, &status, &error) == NULL);
    CHECK(status == MISHIKALLM_ARGUMENT);
    CHECK_JSON(error, "error.param", "\"stream\"");
    mishikallm_string_free(error);
    CHECK(mishikallm_stream_embeddings(stream, -1, NULL, NULL) == NULL); /* the error is freed, not lost */
    char *chunk = mishikallm_stream_next(stream, -1, &status);
    CHECK_JSON(chunk, "choices.0.delta.content", "\"0 \"");
    mishikallm_string_free(chunk);
    mishikallm_stream_free(stream);

    CHECK(mishikallm_stream_embeddings(NULL, -1, &status, &error) == NULL);
    CHECK(status == MISHIKALLM_ARGUMENT);
    CHECK_JSON(error, "error.param", "\"stream\"");
    mishikallm_string_free(error);

    /* A failure is told again, either way. */
    stream = opened(client, "embeddings", embed_at("/nowhere/infer").json);
    for (int i = 0; i < 2; i++) {
        CHECK(mishikallm_stream_embeddings(stream, -1, &status, &error) == NULL);
        CHECK(status == MISHIKALLM_SERVER);
        CHECK_JSON(error, "error.status", "404");
        mishikallm_string_free(error);
        error = mishikallm_stream_next(stream, -1, &status);
        CHECK(status == MISHIKALLM_SERVER);
        CHECK_JSON(error, "error.status", "404");
        mishikallm_string_free(error);
    }
    mishikallm_stream_free(stream);
}

static void *wait_cancelled(void *stream)
{
    int32_t status = -99;
    char *error = NULL;
    for (;;) {
        CHECK(mishikallm_stream_embeddings(stream, -1, &status, &error) == NULL);
        if (status != MISHIKALLM_BUSY) break;
        mishikallm_string_free(error); /* the other thread was looking */
    }
    CHECK(status == MISHIKALLM_CANCELLED);
    CHECK_JSON(error, "error.status", "499");
    mishikallm_string_free(error);
    return NULL;
}

/* While one thread waits for the answer, another one is told so, and a third ends it; the server's connection too. */
static void cancelled(const mishikallm_client *client)
{
    mishikallm_stream *stream = opened(client, "embeddings", embed_at("/silent/infer").json);
    int32_t status = -99;
    char *error = (char *)"anything";
    CHECK(mishikallm_stream_embeddings(stream, 20, &status, &error) == NULL);
    CHECK(status == MISHIKALLM_TIMEOUT && error == NULL);
    pthread_t waiting = started(wait_cancelled, stream);
    await_count("silent", 1);
    do {
        CHECK(mishikallm_stream_embeddings(stream, 0, &status, &error) == NULL);
        mishikallm_string_free(error);
    } while (status == MISHIKALLM_TIMEOUT); /* the other thread has not begun to wait */
    CHECK(status == MISHIKALLM_BUSY);
    double began = seconds();
    mishikallm_stream_cancel(stream);
    joined(waiting);
    CHECK(seconds() - began < SOON);
    mishikallm_stream_free(stream);
    await_count("silent", 0);
}

int main(int arguments, char **argument)
{
    CHECK(arguments == 2);
    server = argument[1];
    alarm(120);
    mishikallm_client *own = mishikallm_client_new("{}", NULL);
    const mishikallm_client *clients[] = {own, NULL};
    for (int i = 0; i < 2; i++) {
        whole(clients[i]);
        rows(clients[i]);
        refusals(clients[i]);
        cancelled(clients[i]);
    }
    CHECK(tasks() == 1);
    mishikallm_client_free(own);
    return 0;
}
