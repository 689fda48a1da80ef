/*
 * A chat answer, printed as it comes. Ctrl-C cancels it, at the server too.
 *
 * usage: stream API_BASE [MODEL [PROMPT [FIELDS]]]      FIELDS: more of the request, such as '"max_tokens":200'
 */
#define _POSIX_C_SOURCE 200809L
#include "mishikallm.h"
#include "peek.h"
#include <pthread.h>
#include <signal.h>

static sigset_t interrupt; /* SIGINT */

/* Waits for Ctrl-C. A thread may call the library, where a signal handler may not, and the cancel is at once. */
static void *cancel_at_interrupt(void *stream)
{
    int signal;
    sigwait(&interrupt, &signal);
    mishikallm_stream_cancel(stream);
    return NULL;
}

static void put_json_string(const char *text, FILE *out)
{
    putc('"', out);
    for (; *text; text++)
        if (*text == '"' || *text == '\\' || (unsigned char)*text < ' ')
            fprintf(out, "\\u%04x", (unsigned)*text);
        else
            putc(*text, out);
    putc('"', out);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s API_BASE [MODEL [PROMPT [FIELDS]]]\n", argv[0]);
        return 2;
    }
    char *request, *json;
    size_t length;
    FILE *out = open_memstream(&request, &length);
    fprintf(out, "{\"api_base\":\"%s\",\"model\":\"triton/%s\",\"stream_options\":{\"include_usage\":true}",
            argv[1], argc > 2 ? argv[2] : "tiny_llm");
    fputs(",\"messages\":[{\"role\":\"user\",\"content\":", out);
    put_json_string(argc > 3 ? argv[3] : "What is streaming?", out);
    fprintf(out, "}]%s%s}", argc > 4 ? "," : "", argc > 4 ? argv[4] : "");
    fclose(out);

    int32_t status = MISHIKALLM_ARGUMENT;
    int chunks = 0;
    mishikallm_stream *stream = mishikallm_stream_open(NULL, "chat.completions", request, &json);
    free(request);
    if (stream != NULL) {
        pthread_t watcher;
        sigemptyset(&interrupt);
        sigaddset(&interrupt, SIGINT);
        pthread_sigmask(SIG_BLOCK, &interrupt, NULL); /* in all threads: sigwait() takes it */
        pthread_create(&watcher, NULL, cancel_at_interrupt, stream);

        while (json = mishikallm_stream_next(stream, -1, &status), status == MISHIKALLM_OK) {
            char *text = peek_string(json, "content"), *finish_reason = peek_string(json, "finish_reason");
            const char *tokens = peek_value(json, "completion_tokens");
            chunks += *text != 0;
            fputs(text, stdout);
            if (*finish_reason)
                printf("\n[%s", finish_reason);
            if (tokens)
                printf(", %d tokens]\n", atoi(tokens));
            fflush(stdout);
            free(text);
            free(finish_reason);
            mishikallm_string_free(json);
        }
        pthread_kill(watcher, SIGINT); /* ends it; to cancel what is over changes nothing */
        pthread_join(watcher, NULL);
        mishikallm_stream_free(stream);
    }
    if (status == MISHIKALLM_DONE)
        return 0;
    char *message = peek_string(json, "message");
    if (status == MISHIKALLM_CANCELLED)
        printf("\n[cancelled after %d chunks]\n", chunks);
    else
        fprintf(stderr, "%sstream: %s\n", chunks ? "\n" : "", message);
    free(message);
    mishikallm_string_free(json);
    return status == MISHIKALLM_CANCELLED ? 130 : 1; /* 130 is what a shell has for SIGINT */
}
