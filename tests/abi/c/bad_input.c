/* What no caller should send, and may: each request is answered with a status and an error that names the field, says
 * what was expected, and holds no secret; nothing aborts and nothing is sent.
 * usage: bad_input REFUSED_URL */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include "bad_input.h"

static const char *url;
static mishikallm_client *client;

/* Everything that a message must not repeat has one of these in it. */
static int holds_a_secret(const char *text)
{
    return strstr(text, "secret") || strstr(text, "private");
}

static void log_line(int32_t level, const char *message, void *userdata)
{
    (void)level, (void)userdata;
    if (holds_a_secret(message)) fprintf(stderr, "logged: %s\n", message);
    CHECK(!holds_a_secret(message));
}

/* Mistakes found so far: the program goes on, so that one run shows them all. */
static int mistakes;

static void mistake(const char *what, const char *request, const char *answer)
{
    mistakes++;
    fprintf(stderr, "%s\n  %.300s\n  %s\n", what, request ? request : "NULL", answer ? answer : "NULL");
}

/* An error has every part that the header names, and words for the person who has to change something. */
static void check_error(const char *answer, const char *request, const char *field)
{
    const char *message = json_at(answer, "error.message");
    if (!message || !json_at(answer, "error.type") || !json_at(answer, "error.param") ||
        !json_at(answer, "error.code") || !json_at(answer, "error.status")) {
        mistake("this is no error as the header says:", request, answer);
        return;
    }
    if (holds_a_secret(answer)) mistake("a secret is told:", request, answer);
    if (!field) return;
    char quoted[128];
    snprintf(quoted, sizeof quoted, "\"%s\"", field);
    /* Of "messages[0].role" the param may name the beginning; the message has it all. */
    if (!json_is(answer, "error.param", quoted) && strncmp(message + 1, field, strlen(field)) != 0)
        mistake(quoted, request, answer);
}

/* The last event of a call: its status, and its JSON for the caller to free. */
struct last {
    int32_t status;
    char *json;
};

static void keep(int32_t status, const char *json, void *userdata)
{
    struct last *last = userdata;
    free(last->json);
    last->status = status;
    last->json = NULL;
    if (!json) return;
    CHECK((last->json = malloc(strlen(json) + 1)) != NULL);
    strcpy(last->json, json);
}

/* What a stream or a submitted call comes to; 0: there is no handle, and the error is that of opening. */
static struct last come_to(const mishikallm_client *of, int submits, const char *operation, const char *request)
{
    struct last last = {0, NULL};
    char *error = NULL;
    mishikallm_stream *stream = NULL;
    mishikallm_call *call = NULL;
    if (submits) call = mishikallm_submit(of, operation, request, keep, &last, &error);
    else stream = mishikallm_stream_open(of, operation, request, &error);
    if (call) CHECK(mishikallm_call_wait(call, -1) == MISHIKALLM_OK);
    if (stream) error = mishikallm_stream_next(stream, -1, &last.status);
    mishikallm_call_free(call);
    mishikallm_stream_free(stream);
    if (error) keep(last.status, error, &last);
    mishikallm_string_free(error);
    return last;
}

/* The functions that give a handle give none, and the same error; `later`: or they give it when the call begins. */
static void no_handle(const mishikallm_client *of, const char *operation, const char *request, int32_t expected,
                      const char *field, int later)
{
    const char *http = expected == MISHIKALLM_LIMIT ? "413" : "400";
    for (int submits = 0; submits < 2; submits++) {
        struct last last = come_to(of, submits, operation, request);
        int is_late = later && last.status == expected;
        if ((last.status != 0 && !is_late) || !json_is(last.json, "error.status", http))
            mistake(submits ? "submit" : "stream_open", request, last.json);
        else check_error(last.json, request, field);
        free(last.json);
    }
}

/* Makes a call that has to fail with this status and name this field. */
static void refused(const char *operation, const char *request, int32_t expected, const char *field)
{
    const mishikallm_client *clients[] = {client, NULL};
    for (size_t i = 0; i < COUNT(clients); i++) {
        int32_t status = -99;
        char *answer = mishikallm_invoke(clients[i], operation, request, &status);
        if (status != expected) mistake(operation ? operation : "operation NULL", request, answer);
        else check_error(answer, request, field);
        mishikallm_string_free(answer);
    }
}

/* The same, and from the functions that give a handle. */
static void refused_by_all(const char *operation, const char *request, int32_t expected, const char *field)
{
    refused(operation, request, expected, field);
    no_handle(client, operation, request, expected, field, 0);
    no_handle(NULL, operation, request, expected, field, 0);
}

/* A good request for an operation, but for one field: with another value, or without it (`missing`). */
static char *request_with(const char *operation, const char *field, const char *value)
{
    int chat = strcmp(operation, "chat.completions") == 0, text = strcmp(operation, "completions") == 0;
    int vectors = strcmp(operation, "embeddings") == 0, models = strcmp(operation, "models") == 0;
    char api_base[128];
    snprintf(api_base, sizeof api_base, "\"%s%s\"", url, vectors ? "/x/infer" : chat || text ? "/x/generate" : "");
    const char *good[][2] = {
        {"api_base", api_base},
        {"api_key", "\"sk-secret-key\""},
        {"extra_headers", "{\"x-pass\":\"secret-header\"}"},
        {models ? NULL : "model", "\"triton/llm\""},
        {chat ? "messages" : NULL, "[{\"role\":\"user\",\"content\":\"my private prompt\"}]"},
        {text ? "prompt" : vectors ? "input" : NULL, "\"my private prompt\""},
    };
    size_t size = 1024 + (value ? strlen(value) : 0);
    char *request = malloc(size), *at = request;
    CHECK(request != NULL);
    const char *between = "{";
    if (field && value != missing) {
        at += sprintf(at, "{\"%s\":%s", field, value);
        between = ",";
    }
    for (size_t i = 0; i < COUNT(good); i++) {
        if (!good[i][0] || (field && strcmp(good[i][0], field) == 0)) continue;
        at += sprintf(at, "%s\"%s\":%s", between, good[i][0], good[i][1]);
        between = ",";
    }
    strcpy(at, "}");
    return request;
}

/* The functions that give a handle give one for a good request; the server is missed later. */
static void goes_out(const char *operation, const char *request)
{
    for (int submits = 0; submits < 2; submits++) {
        struct last last = come_to(client, submits, operation, request);
        if (last.status != MISHIKALLM_CONNECT) mistake(operation, request, last.json);
        free(last.json);
    }
}

/* What is no request at all, to each function. */
static void no_requests(void)
{
    for (size_t i = 0; i < COUNT(no_objects); i++) {
        for (size_t k = 0; k < COUNT(all); k++)
            refused_by_all(all[k], no_objects[i], MISHIKALLM_ARGUMENT, "request_json");

        int32_t status = -99;
        char *(*functions[])(const mishikallm_client *, const char *, int32_t *) = {
            mishikallm_completion, mishikallm_text_completion, mishikallm_embedding};
        for (size_t k = 0; k < COUNT(functions); k++) {
            char *answer = functions[k](NULL, no_objects[i], &status);
            if (status != MISHIKALLM_ARGUMENT) mistake("status", no_objects[i], answer);
            check_error(answer, no_objects[i], "request_json");
            mishikallm_string_free(answer);
        }
    }
}

static void no_operations(void)
{
    char *good = request_with("chat.completions", NULL, NULL);
    for (size_t i = 0; i < COUNT(no_operation); i++)
        refused_by_all(no_operation[i], good, MISHIKALLM_ARGUMENT, "operation");
    free(good);
}

/* What is no event function. */
static void no_function(void)
{
    char *good = request_with("chat.completions", NULL, NULL), *error = NULL;
    if (mishikallm_submit(client, "chat.completions", good, NULL, NULL, &error)) mistake("event NULL", good, NULL);
    check_error(error, good, "event");
    mishikallm_string_free(error);
    free(good);
}

/* 100 MB, in a request, in an operation's name, and in a configuration. */
static void too_long(void)
{
    size_t size = 100u << 20;
    char *text = malloc(size + 1);
    CHECK(text != NULL);
    memset(text, ' ', size);
    text[size] = '\0';
    text[0] = '{';
    text[size - 1] = '}';
    refused_by_all(all[0], text, MISHIKALLM_LIMIT, "request_json");
    refused_by_all(text, "{}", MISHIKALLM_LIMIT, "operation");
    char *error = NULL;
    CHECK(mishikallm_client_new(text, &error) == NULL);
    check_error(error, "100 MB", "config_json");
    mishikallm_string_free(error);
    free(text);
}

/* 10,000 levels of lists, of objects, and of both that are never closed. */
static void too_deep(void)
{
    enum { DEPTH = 10000 };
    static const char *pairs[][2] = {{"[", "]"}, {"{\"a\":", "}"}, {"[{\"a\":", ""}};
    for (size_t i = 0; i < COUNT(pairs); i++) {
        char *text = malloc(DEPTH * 16 + 1), *at = text;
        CHECK(text != NULL);
        for (int k = 0; k < DEPTH; k++) at += sprintf(at, "%s", pairs[i][0]);
        at += sprintf(at, "1");
        for (int k = 0; k < DEPTH; k++) at += sprintf(at, "%s", pairs[i][1]);
        refused_by_all("chat.completions", text, MISHIKALLM_ARGUMENT, "request_json");
        char *request = request_with("chat.completions", "messages", text);
        refused_by_all("chat.completions", request, MISHIKALLM_ARGUMENT, "request_json");
        free(request);
        char *error = NULL;
        CHECK(mishikallm_client_new(text, &error) == NULL);
        check_error(error, "10,000 levels", "config_json");
        mishikallm_string_free(error);
        free(text);
    }
}

/* A wrong value in each field of a request. */
static void wrong_fields(void)
{
    for (size_t i = 0; i < COUNT(fields); i++) {
        for (size_t k = 0; k < COUNT(all); k++) {
            if (!(fields[i].operations & 1 << k)) continue;
            for (const char *const *value = fields[i].wrong; *value; value++) {
                char *request = request_with(all[k], fields[i].field, *value);
                const char *name = fields[i].name ? fields[i].name : fields[i].field;
                refused(all[k], request, MISHIKALLM_ARGUMENT, name);
                if (!(fields[i].operations & WHOLE))
                    no_handle(client, all[k], request, MISHIKALLM_ARGUMENT, name, fields[i].operations & LATER);
                free(request);
            }
        }
    }
}

/* The same fields as a client's defaults, and a client's own. */
static void wrong_configurations(void)
{
    for (size_t i = 0; i < COUNT(configurations); i++) {
        for (const char *const *value = configurations[i].wrong; *value; value++) {
            const char *field = configurations[i].field, *name = configurations[i].name;
            char text[1024], *error = NULL;
            snprintf(text, sizeof text, "{\"%s\":%s,\"%s\":\"sk-secret-key\"}", field, *value,
                     strcmp(field, "api_key") ? "api_key" : "api_base");
            mishikallm_client *made = mishikallm_client_new(text, &error);
            if (made) mistake("a client was made:", text, NULL);
            else check_error(error, text, name ? name : field);
            mishikallm_client_free(made);
            mishikallm_string_free(error);
        }
    }
    for (size_t i = 1; i < COUNT(no_objects); i++) { /* NULL and empty texts are no configuration, and good */
        char *error = NULL;
        if (no_objects[i][strspn(no_objects[i], " \t")] == '\0') continue;
        mishikallm_client *made = mishikallm_client_new(no_objects[i], &error);
        if (made) mistake("a client was made:", no_objects[i], NULL);
        else check_error(error, no_objects[i], "config_json");
        mishikallm_client_free(made);
        mishikallm_string_free(error);
    }
}

int main(int count, char **arguments)
{
    CHECK(count == 2);
    url = arguments[1];
    CHECK(mishikallm_set_log(log_line, NULL, MISHIKALLM_LOG_DEBUG) == MISHIKALLM_OK);
    client = mishikallm_client_new("{}", NULL);

    /* A request without a mistake gets as far as the server that is not there: what is refused below is the mistake. */
    for (size_t i = 0; i < COUNT(all); i++) {
        char *request = request_with(all[i], NULL, NULL);
        refused(all[i], request, MISHIKALLM_CONNECT, NULL);
        goes_out(all[i], request);
        free(request);
    }
    no_requests();
    no_operations();
    no_function();
    too_long();
    too_deep();
    wrong_fields();
    wrong_configurations();

    mishikallm_client_free(client);
    CHECK(mishikallm_set_log(NULL, NULL, 0) == MISHIKALLM_OK);
    return mistakes ? 1 : 0;
}
