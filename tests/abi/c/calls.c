/* Calls on a server: what comes back when it answers, when it does not, and when a client is closed, freed or forked.
 * usage: calls URL REFUSED_URL */
#define _POSIX_C_SOURCE 200809L
#include "server.h"
#include <sys/wait.h>

static const char *nobody;

/* Makes a chat call that has to come to this status; the caller frees the answer. */
static char *chat(const mishikallm_client *client, const char *path, const char *more, int32_t expected)
{
    int32_t status = -99;
    char *answer = mishikallm_completion(client, chat_at(path, "llm", more).json, &status);
    CHECK(json_whole(answer));
    if (status != expected)
        fprintf(stderr, "%s: %s, %s\n", path, mishikallm_status_name(status), answer);
    CHECK(status == expected);
    return answer;
}

/* Every function and every operation, on a client with a default api_base. */
static void answers(const mishikallm_client *client)
{
    const char *chat_request =
        "{\"model\":\"triton/llm\",\"messages\":[{\"role\":\"user\",\"content\":\"who are u?\"}]}";
    const char *text_request = "{\"model\":\"triton/llm\",\"prompt\":[\"one\",\"two\"]}";
    int32_t status = -99;

    char *answer = mishikallm_completion(client, chat_request, &status);
    CHECK(status == MISHIKALLM_OK);
    CHECK_JSON(answer, "object", "\"chat.completion\"");
    CHECK_JSON(answer, "model", "\"llm\"");
    CHECK_JSON(answer, "choices.0.message.content", "\"echo: who are u?\"");
    mishikallm_string_free(answer);

    answer = mishikallm_text_completion(client, text_request, &status);
    CHECK(status == MISHIKALLM_OK);
    CHECK_JSON(answer, "object", "\"text_completion\"");
    CHECK_JSON(answer, "choices.0.text", "\"echo: one\"");
    CHECK_JSON(answer, "choices.1.text", "\"echo: two\"");
    mishikallm_string_free(answer);

    answer = mishikallm_invoke(client, "chat.completions", chat_request, &status);
    CHECK(status == MISHIKALLM_OK);
    CHECK_JSON(answer, "object", "\"chat.completion\"");
    mishikallm_string_free(answer);

    answer = mishikallm_invoke(client, "completions", text_request, NULL);
    CHECK_JSON(answer, "object", "\"text_completion\"");
    mishikallm_string_free(answer);

    answer = mishikallm_invoke(client, "models", "{}", &status);
    CHECK(status == MISHIKALLM_OK);
    CHECK_JSON(answer, "object", "\"list\"");
    CHECK_JSON(answer, "data.0.id", "\"triton/llm\"");
    mishikallm_string_free(answer);

    answer = mishikallm_invoke(client, "health", "{\"model\":\"triton/llm\"}", &status);
    CHECK(status == MISHIKALLM_OK);
    CHECK_JSON(answer, "status", "\"healthy\"");
    CHECK_JSON(answer, "model_ready", "true");
    mishikallm_string_free(answer);
}

static void embeddings(const mishikallm_client *client)
{
    char request[256];
    int32_t status = -99;
    snprintf(request, sizeof request,
             "{\"model\":\"triton/vectors\",\"api_base\":\"%s/vectors/infer\",\"input\":[\"a\",\"b\"]}", server);
    char *answer = mishikallm_embedding(client, request, &status);
    CHECK(status == MISHIKALLM_OK);
    CHECK_JSON(answer, "object", "\"list\"");
    CHECK_JSON(answer, "data.1.index", "1");
    CHECK(strtod(json_at(answer, "data.1.embedding.2"), NULL) == 6.5);
    char *same = mishikallm_invoke(client, "embeddings", request, NULL);
    CHECK(strcmp(answer, same) == 0);
    mishikallm_string_free(same);
    mishikallm_string_free(answer);
}

/* Messages through a template of the caller's own, and a call of a tool read out of the text. */
static void templates(const mishikallm_client *client)
{
    char request[1024];
    int32_t status = -99;
    snprintf(request, sizeof request,
             "{\"model\":\"triton/llm\",\"api_base\":\"%s/echo/generate\",\"tool_call_parser\":\"hermes\","
             "\"chat_template\":\"{%%- for t in tools %%}<tool_call>{\\\"name\\\": \\\"{{ t.function.name }}\\\", "
             "\\\"arguments\\\": {\\\"q\\\": {{ messages[0].content | tojson }}}}</tool_call>{%% endfor %%}\","
             "\"messages\":[{\"role\":\"user\",\"content\":\"Z\\u00fcrich\"}],"
             "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"find\"}}]}",
             server);
    char *answer = mishikallm_completion(client, request, &status);
    CHECK(status == MISHIKALLM_OK);
    CHECK_JSON(answer, "choices.0.finish_reason", "\"tool_calls\"");
    CHECK_JSON(answer, "choices.0.message.tool_calls.0.function.name", "\"find\"");
    mishikallm_string_free(answer);

    snprintf(request, sizeof request,
             "{\"model\":\"triton/llm\",\"api_base\":\"%s/echo/generate\",\"chat_template\":\"{%% for %%}\","
             "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
             server);
    answer = mishikallm_completion(client, request, &status);
    CHECK(status == MISHIKALLM_ARGUMENT);
    CHECK_JSON(answer, "error.param", "\"chat_template\"");
    mishikallm_string_free(answer);
}

/* Tensors as they are, and the server's own words. */
static void raw(const mishikallm_client *client)
{
    char request[512];
    int32_t status = -99;
    snprintf(request, sizeof request,
             "{\"model\":\"triton/vectors\",\"api_base\":\"%s/vectors/infer\",\"nested\":true,\"inputs\":"
             "[{\"name\":\"x\",\"shape\":[2],\"datatype\":\"INT64\",\"data\":[1,9007199254740993]}]}",
             server);
    char *answer = mishikallm_invoke(client, "infer", request, &status);
    CHECK(status == MISHIKALLM_OK);
    CHECK_JSON(answer, "model_name", "\"vectors\"");
    CHECK_JSON(answer, "outputs.0.datatype", "\"FP32\"");
    CHECK_JSON(answer, "outputs.0.shape", "[2,3]");
    CHECK_JSON(answer, "outputs.0.data", "[[1.0,2.0,3.0],[4.0,5.0,6.5]]");
    mishikallm_string_free(answer);

    snprintf(request, sizeof request,
             "{\"model\":\"triton/llm\",\"api_base\":\"%s\",\"inputs\":{\"text_input\":[\"a\",7]}}", server);
    answer = mishikallm_invoke(client, "infer", request, &status);
    CHECK(status == MISHIKALLM_ARGUMENT);
    CHECK_JSON(answer, "error.param", "\"inputs.text_input[1]\"");
    mishikallm_string_free(answer);

    snprintf(request, sizeof request, "{\"model\":\"triton/llm\",\"api_base\":\"%s\"}", server);
    answer = mishikallm_invoke(client, "model.metadata", request, &status);
    CHECK(status == MISHIKALLM_OK);
    CHECK_JSON(answer, "inputs.0.name", "\"text_input\"");
    mishikallm_string_free(answer);

    answer = mishikallm_invoke(client, "model.load", request, &status);
    CHECK(status == MISHIKALLM_SERVER);
    CHECK_JSON(answer, "error.message", "\"no such path\"");
    mishikallm_string_free(answer);
}

/* The same as numbers: from JSON, and from binary data. They outlive their client. */
static void floats(void)
{
    static const struct {
        const char *path;
        size_t columns;
        float last;
    } cases[] = {{"vectors", 3, 6.5f}, {"binary", 2, 6.5f}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char request[256], *error = (char *)&error;
        size_t rows = 99, columns = 99;
        mishikallm_client *client = mishikallm_client_new(NULL, NULL);
        snprintf(request, sizeof request,
                 "{\"model\":\"triton/e\",\"api_base\":\"%s/%s/infer\",\"input\":[\"a\",\"b\"],"
                 "\"encoding_format\":\"base64\"}",
                 server, cases[i].path);
        mishikallm_embeddings *made = mishikallm_embedding_f32(client, request, &error);
        CHECK(made != NULL && error == NULL);
        mishikallm_client_free(client);
        const float *data = mishikallm_embeddings_data(made, &rows, &columns);
        CHECK(rows == 2 && columns == cases[i].columns);
        CHECK((size_t)data % sizeof *data == 0);
        CHECK(data[0] == (i ? 1.5f : 1.0f) && data[rows * columns - 1] == cases[i].last);
        CHECK(mishikallm_embeddings_data(made, NULL, NULL) == data);
        char *info = mishikallm_embeddings_info(made);
        CHECK_JSON(info, "model", i ? "\"binary\"" : "\"vectors\"");
        CHECK_JSON(info, "usage.prompt_tokens", "2");
        mishikallm_string_free(info);
        mishikallm_embeddings_free(made);
    }

    char *error = NULL;
    CHECK(mishikallm_embedding_f32(NULL, "{}", &error) == NULL);
    CHECK_JSON(error, "error.param", "\"model\"");
    mishikallm_string_free(error);
    CHECK(mishikallm_embedding_f32(NULL, NULL, NULL) == NULL);
    size_t rows = 99, columns = 99;
    CHECK(mishikallm_embeddings_data(NULL, &rows, &columns) == NULL && rows == 0 && columns == 0);
    char *info = mishikallm_embeddings_info(NULL);
    CHECK_JSON(info, "error.param", "\"embeddings\"");
    mishikallm_string_free(info);
    mishikallm_embeddings_free(NULL);
}

/* What a server may do wrong, and the status that says so. */
static void failures(const mishikallm_client *client)
{
    static const struct {
        const char *path;
        int32_t status;
        const char *http;
    } cases[] = {
        {"/busy/generate", MISHIKALLM_SERVER, "503"},      {"/nowhere/generate", MISHIKALLM_SERVER, "404"},
        {"/hidden/generate", MISHIKALLM_SERVER, "500"},    {"/other/generate", MISHIKALLM_PROTOCOL, "502"},
        {"/list/generate", MISHIKALLM_PROTOCOL, "502"},    {"/page/generate", MISHIKALLM_PROTOCOL, "502"},
        {"/cut/generate", MISHIKALLM_PROTOCOL, "502"},     {"/noise/generate", MISHIKALLM_PROTOCOL, "502"},
        {"/nothing/generate", MISHIKALLM_PROTOCOL, "502"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *answer = chat(client, cases[i].path, "", cases[i].status);
        CHECK_JSON(answer, "error.status", cases[i].http);
        mishikallm_string_free(answer);
    }

    char *answer = chat(client, "/busy/generate", "", MISHIKALLM_SERVER);
    CHECK_JSON(answer, "error.message", "\"the queue is full\"");
    CHECK(strtod(json_at(answer, "error.retry_after"), NULL) == 7);
    mishikallm_string_free(answer);

    answer = chat(client, "/silent/generate", ",\"timeout\":0.2", MISHIKALLM_DEADLINE);
    CHECK(strstr(answer, "(timeout)") != NULL);
    mishikallm_string_free(answer);

    int32_t status = -99;
    char request[256];
    snprintf(request, sizeof request, "{\"model\":\"triton/llm\",\"api_base\":\"%s\",\"prompt\":\"hello\"}", nobody);
    answer = mishikallm_text_completion(client, request, &status);
    CHECK(status == MISHIKALLM_CONNECT);
    CHECK(strstr(answer, "refused") != NULL);
    mishikallm_string_free(answer);

    /* What the caller keeps secret does not come back, though the server repeats it. */
    answer = chat(client, "/repeats/generate",
                  ",\"api_key\":\"sk-secret-key\",\"extra_headers\":{\"x-pass\":\"secret-header\"}", MISHIKALLM_SERVER);
    CHECK(strstr(answer, "not understood") && strstr(answer, "***") && !strstr(answer, "secret"));
    mishikallm_string_free(answer);
}

static void limit(void)
{
    mishikallm_client *small = mishikallm_client_new("{\"max_reply_bytes\":1000}", NULL);
    char *answer = chat(small, "/long/generate", "", MISHIKALLM_LIMIT);
    CHECK(strstr(answer, "max_reply_bytes") != NULL);
    mishikallm_string_free(answer);
    mishikallm_string_free(chat(small, "", "", MISHIKALLM_OK));
    mishikallm_client_free(small);
    mishikallm_string_free(chat(NULL, "/long/generate", "", MISHIKALLM_OK));
}

/* A call that the server never answers, on a thread of its own. */
static void *wait_for_ever(void *client)
{
    mishikallm_string_free(chat(client, "/silent/generate", ",\"timeout\":60", MISHIKALLM_CLOSED));
    return NULL;
}

/* Closing or freeing a client ends the calls under way, at once. */
static void closed_under_way(void end(mishikallm_client *))
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    mishikallm_client *client = mishikallm_client_new(NULL, NULL);
    for (int i = 0; i < THREADS; i++) threads[i] = started(wait_for_ever, client);
    await_count("silent", THREADS);
    double began = seconds();
    end(client);
    for (int i = 0; i < THREADS; i++) joined(threads[i]);
    CHECK(seconds() - began < SOON);
}

static void close_then_free(mishikallm_client *client)
{
    mishikallm_client_close(client);
    mishikallm_string_free(chat(client, "", "", MISHIKALLM_CLOSED));
    mishikallm_client_close(client);
    mishikallm_client_free(client);
}

/* In a child: what was made before fork() is refused and freed, what is made there works. */
static void forked(void)
{
    mishikallm_client *client = mishikallm_client_new(NULL, NULL);
    char *answer = chat(client, "", "", MISHIKALLM_OK);
    mishikallm_string_free(chat(NULL, "", "", MISHIKALLM_OK));
    int connections = counted("accepted");

    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK_JSON(answer, "object", "\"chat.completion\"");
        mishikallm_string_free(answer);
        mishikallm_string_free(chat(client, "", "", MISHIKALLM_FORKED));
        mishikallm_client_close(client);
        mishikallm_client_free(client);

        mishikallm_client *own = mishikallm_client_new(NULL, NULL);
        mishikallm_string_free(chat(own, "", "", MISHIKALLM_OK));
        mishikallm_client_free(own);
        mishikallm_string_free(chat(NULL, "", "", MISHIKALLM_OK)); /* the default client is the child's own */
        exit(0); /* not _exit(): the sanitizer looks for the child's leaks too */
    }
    int ended = -1;
    CHECK(waitpid(child, &ended, 0) == child && ended == 0);

    /* The child has taken nothing away from the parent: only the child's own two clients have opened a connection. */
    CHECK(counted("accepted") == connections + 2);
    mishikallm_string_free(answer);
    mishikallm_client_free(client);
}

int main(int arguments, char **argument)
{
    CHECK(arguments == 3);
    server = argument[1];
    nobody = argument[2];
    forked();

    char config[256];
    snprintf(config, sizeof config, "{\"api_base\":\"%s\"}", server);

    mishikallm_client *client = mishikallm_client_new(config, NULL);
    answers(client);
    embeddings(client);
    embeddings(NULL);
    templates(client);
    raw(client);
    raw(NULL);
    floats();
    failures(client);
    failures(NULL);
    limit();
    CHECK(tasks() == 1); /* the library started no thread */
    closed_under_way(close_then_free);
    closed_under_way(mishikallm_client_free);
    mishikallm_client_free(client);
    return 0;
}
