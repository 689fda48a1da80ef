/*
 * A chat answer, a text completion and sentence similarities from a Triton Inference Server, from C.
 *
 * usage: demo API_BASE [MODEL [EMBEDDING_MODEL]]      ("-" leaves a part out)
 */
#include "mishikallm.h"
#include "peek.h"
#include <math.h>

#define SENTENCES 5
#define MOST_COLUMNS 8192

static const char *const sentences[SENTENCES] = {
    "A ship sails across the sea.",
    "A boat travels over the ocean.",
    "The server answers many requests.",
    "An inference server runs a model for its clients.",
    "It will rain tomorrow afternoon.",
};

/* Prints why a call failed, and frees its answer. */
static int failed(const char *what, char *answer, int32_t status)
{
    char *message = peek_string(answer, "message");
    fprintf(stderr, "%s failed (%s): %s\n", what, mishikallm_status_name(status), message);
    free(message);
    mishikallm_string_free(answer);
    return 1;
}

static int show_text(const mishikallm_client *client, const char *model, const char *operation, const char *ask,
                     const char *asked, const char *key)
{
    char request[1024];
    int32_t status;
    snprintf(request, sizeof request, "{\"model\":\"triton/%s\",%s,\"max_tokens\":60,\"temperature\":0}", model, ask);
    char *answer = mishikallm_invoke(client, operation, request, &status);
    if (status != MISHIKALLM_OK)
        return failed(operation, answer, status);
    char *text = peek_string(answer, key), *finish = peek_string(answer, "finish_reason");
    const char *tokens = peek_value(answer, "completion_tokens");
    printf("%s, model %s\n  > %s\n  %s\n  [%s, %d tokens]\n\n", operation, model, asked,
           text + strspn(text, "\n "), finish, tokens ? atoi(tokens) : 0);
    free(text);
    free(finish);
    mishikallm_string_free(answer);
    return 0;
}

static double cosine(const float *a, const float *b, size_t n)
{
    double dot = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        dot += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return dot / sqrt(aa * bb);
}

static int show_similarities(const mishikallm_client *client, const char *model)
{
    static float rows[SENTENCES][MOST_COLUMNS];
    char request[2048];
    int32_t status;
    int length = snprintf(request, sizeof request, "{\"model\":\"triton/%s\",\"input\":[", model);
    for (int i = 0; i < SENTENCES; i++)
        length += snprintf(request + length, sizeof request - (size_t)length, "%s\"%s\"", i ? "," : "", sentences[i]);
    snprintf(request + length, sizeof request - (size_t)length, "]}");

    char *answer = mishikallm_embedding(client, request, &status);
    if (status != MISHIKALLM_OK)
        return failed("embeddings", answer, status);
    size_t columns = 0;
    const char *at = answer;
    for (int i = 0; i < SENTENCES; i++) {
        at = peek_value(at, "embedding");
        columns = peek_floats(at, rows[i], MOST_COLUMNS);
    }
    mishikallm_string_free(answer);
    if (columns == 0 || columns > MOST_COLUMNS) {
        fprintf(stderr, "embeddings: rows of %zu numbers are not for this program\n", columns);
        return 1;
    }

    printf("embeddings, model %s, %zu numbers each: cosine similarities\n\n        ", model, columns);
    for (int i = 0; i < SENTENCES; i++)
        printf("   [%d] ", i + 1);
    for (int i = 0; i < SENTENCES; i++) {
        printf("\n    [%d]", i + 1);
        for (int k = 0; k < SENTENCES; k++)
            printf(" %6.3f", cosine(rows[i], rows[k], columns));
        printf("   %s", sentences[i]);
    }
    puts("");
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s API_BASE [MODEL [EMBEDDING_MODEL]]\n", argv[0]);
        return 2;
    }
    const char *model = argc > 2 ? argv[2] : "tiny_llm", *embedder = argc > 3 ? argv[3] : "minilm";
    char config[1024], *error = NULL;
    snprintf(config, sizeof config, "{\"api_base\":\"%s\",\"timeout\":120}", argv[1]);
    mishikallm_client *client = mishikallm_client_new(config, &error);
    if (client == NULL)
        return failed("client_new", error, MISHIKALLM_CONFIG);

    printf("libmishikallm %s -> Triton at %s\n\n", mishikallm_version(), argv[1]);
    int result = 0;
    if (strcmp(model, "-") != 0) {
        result |= show_text(client, model, "chat.completions",
                            "\"messages\":[{\"role\":\"user\",\"content\":\"What is an inference server?\"}]",
                            "What is an inference server?", "content");
        result |= show_text(client, model, "completions", "\"prompt\":\"A ship is\"", "A ship is", "text");
    }
    if (strcmp(embedder, "-") != 0)
        result |= show_similarities(client, embedder);
    mishikallm_client_free(client);
    return result;
}
