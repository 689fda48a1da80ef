/* Everything that needs no server: versions, names, clients made and freed, and NULL wherever it is allowed. */
#include "check.h"

static void versions(void)
{
    char expected[64];
    snprintf(expected, sizeof expected, "%d.%d.%d", MISHIKALLM_VERSION_MAJOR, MISHIKALLM_VERSION_MINOR,
             MISHIKALLM_VERSION_PATCH);
    CHECK(strcmp(mishikallm_version(), expected) == 0);
    CHECK(mishikallm_version() == mishikallm_version()); /* static */
    CHECK(mishikallm_abi_version() == MISHIKALLM_ABI_VERSION);
}

static void info(void)
{
    char version[64];
    snprintf(version, sizeof version, "\"%s\"", mishikallm_version());
    char *info = mishikallm_info();
    CHECK_JSON(info, "version", version);
    CHECK(strtoul(json_at(info, "abi"), NULL, 10) == mishikallm_abi_version());
    CHECK_JSON(info, "features", "[\"tls\",\"stream\",\"submit\",\"embedding_f32\",\"stream_operations\",\"chat_templates\",\"tools\",\"tokenizers\"]");
    CHECK(strtol(json_at(info, "limits.request_bytes"), NULL, 10) >= 64 << 20);
    CHECK_JSON(info, "limits.workers", "16"); /* the header says so */
    CHECK_JSON(info, "limits.queue_size", "1024");

    /* The operations are those that invoke takes: each knows its request's mistake, not "operation". */
    const char *operations[] = {
        "chat.completions", "completions",      "embeddings", "models",       "health", "infer",
        "model.metadata",   "model.config",     "model.statistics", "model.load", "model.unload", "server"};
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        char path[32], name[64];
        snprintf(path, sizeof path, "operations.%d", (int)i);
        snprintf(name, sizeof name, "\"%s\"", operations[i]);
        CHECK_JSON(info, path, name);
        char *answer = mishikallm_invoke(NULL, operations[i], "{\"model\":5,\"api_base\":5}", NULL);
        CHECK(json_at(answer, "error.param") && !json_is(answer, "error.param", "\"operation\""));
        mishikallm_string_free(answer);
    }
    CHECK(json_at(info, "operations.12") == NULL); /* else: one for the list above */
    mishikallm_string_free(info);
}

static void status_names(void)
{
    CHECK(strcmp(mishikallm_status_name(MISHIKALLM_OK), "OK") == 0);
    CHECK(strcmp(mishikallm_status_name(MISHIKALLM_TIMEOUT), "TIMEOUT") == 0);
    CHECK(strcmp(mishikallm_status_name(MISHIKALLM_UNAVAILABLE), "UNAVAILABLE") == 0);
    for (int32_t status = MISHIKALLM_UNAVAILABLE; status <= MISHIKALLM_TIMEOUT; status++)
        CHECK(strcmp(mishikallm_status_name(status), "UNKNOWN") != 0);
    CHECK(strcmp(mishikallm_status_name(MISHIKALLM_TIMEOUT + 1), "UNKNOWN") == 0);
    CHECK(strcmp(mishikallm_status_name(MISHIKALLM_UNAVAILABLE - 1), "UNKNOWN") == 0);
    CHECK(strcmp(mishikallm_status_name(INT32_MIN), "UNKNOWN") == 0);
}

static void null_is_freed(void)
{
    mishikallm_string_free(NULL);
    mishikallm_client_free(NULL);
    mishikallm_stream_free(NULL);
    mishikallm_stream_cancel(NULL);
    mishikallm_call_free(NULL);
    mishikallm_call_cancel(NULL);
    CHECK(mishikallm_call_wait(NULL, 0) == MISHIKALLM_ARGUMENT);
    char *error = mishikallm_stream_next(NULL, 0, NULL);
    CHECK_JSON(error, "error.param", "\"stream\"");
    mishikallm_string_free(error);
    mishikallm_client_close(NULL); /* the default client is never closed */
    char *answer = mishikallm_completion(NULL, "{}", NULL);
    CHECK_JSON(answer, "error.param", "\"model\"");
    mishikallm_string_free(answer);
}

static void count(int32_t status, const char *json, void *userdata)
{
    CHECK(status == MISHIKALLM_OK || (status == MISHIKALLM_DONE && json == NULL));
    ++*(int *)userdata;
}

/* Whatever a client was made with, it makes calls in each of the ways. */
static void works(const mishikallm_client *client)
{
    const char *request = "{\"model\":\"triton/m\",\"prompt\":\"hi\",\"mock_response\":\"hello\"}";
    int32_t status = -99;
    mishikallm_string_free(mishikallm_text_completion(client, request, &status));
    CHECK(status == MISHIKALLM_OK);
    mishikallm_stream *stream = mishikallm_stream_open(client, "completions", request, NULL);
    char *chunk = mishikallm_stream_next(stream, 0, &status);
    CHECK_JSON(chunk, "choices.0.text", "\"hello\"");
    mishikallm_string_free(chunk);
    mishikallm_stream_free(stream);
    int events = 0;
    mishikallm_call *call = mishikallm_submit(client, "completions", request, count, &events, NULL);
    CHECK(mishikallm_call_wait(call, -1) == MISHIKALLM_OK && events == 2);
    mishikallm_call_free(call);
}

static void clients(void)
{
    works(NULL);
    const char *good[] = {NULL, "", "   ", "{}", "{\"timeout\":5,\"model_list\":[]}"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char *error = (char *)"anything";
        mishikallm_client *client = mishikallm_client_new(good[i], &error);
        CHECK(client != NULL && error == NULL); /* written on success too */
        works(client);
        mishikallm_client_free(client);
        mishikallm_client_free(mishikallm_client_new(good[i], NULL));
    }

    char *error = NULL;
    CHECK(mishikallm_client_new("{\"timeout\":-1}", &error) == NULL);
    CHECK_JSON(error, "error.param", "\"timeout\"");
    CHECK_JSON(error, "error.type", "\"invalid_request_error\"");
    CHECK_JSON(error, "error.code", "\"400\"");
    CHECK_JSON(error, "error.status", "400");
    mishikallm_string_free(error);
    CHECK(mishikallm_client_new("{\"timeout\":-1}", NULL) == NULL); /* the error is freed, not lost */
}

/* Strings outlive their client, and handles are freed in any order. */
static void order(void)
{
    const char *request = "{\"model\":\"triton/m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
                          "\"mock_response\":\"hello\"}";
    mishikallm_client *first = mishikallm_client_new(NULL, NULL);
    mishikallm_client *second = mishikallm_client_new("{}", NULL);
    int32_t status = -99;
    char *of_first = mishikallm_completion(first, request, &status);
    CHECK(status == MISHIKALLM_OK);
    char *of_second = mishikallm_completion(second, request, NULL); /* out_status may be NULL */

    mishikallm_client_free(first);
    CHECK_JSON(of_first, "choices.0.message.content", "\"hello\"");
    mishikallm_string_free(of_second);
    CHECK_JSON(of_first, "object", "\"chat.completion\"");

    mishikallm_client_close(second);
    mishikallm_client_close(second); /* any number of times */
    char *closed = mishikallm_completion(second, request, &status);
    CHECK(status == MISHIKALLM_CLOSED);
    CHECK(json_at(closed, "error.message") != NULL);
    mishikallm_client_free(second);
    mishikallm_string_free(closed);
    mishikallm_string_free(of_first);
}

int main(void)
{
    versions();
    info();
    status_names();
    null_is_freed();
    clients();
    order();
    return 0;
}
