/* A copy of the library that is loaded at run time, and the calls that the programs here make on it. The server is the
 * benchmarks' fixed-reply server, which gives the same answers every time. */
#ifndef LIBRARY_H
#define LIBRARY_H

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <mishikallm.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(condition)                                                                  \
    do {                                                                                  \
        if (!(condition)) {                                                               \
            fprintf(stderr, "%s:%d: CHECK(%s)\n", __FILE__, __LINE__, #condition);        \
            _exit(1);                                                                     \
        }                                                                                 \
    } while (0)

/* The functions that are called here; each is a pointer of the header's own type. */
#define FUNCTIONS(EACH)                                                                                        \
    EACH(version) EACH(set_log) EACH(string_free) EACH(client_new) EACH(client_free) EACH(completion)          \
    EACH(stream_open) EACH(stream_next) EACH(stream_cancel) EACH(stream_free) EACH(submit) EACH(call_wait)     \
    EACH(call_free) EACH(embedding_f32) EACH(embeddings_data) EACH(embeddings_free)

struct library {
    void *handle;
#define POINTER(name) __typeof__(&mishikallm_##name) name;
    FUNCTIONS(POINTER)
#undef POINTER
};

static inline struct library loaded(const char *path, int flags)
{
    struct library library = {.handle = dlopen(path, RTLD_NOW | flags)};
    if (!library.handle) fprintf(stderr, "%s\n", dlerror());
    CHECK(library.handle);
#define FIND(name)                                                                                             \
    *(void **)&library.name = dlsym(library.handle, "mishikallm_" #name);                                      \
    CHECK(library.name);
    FUNCTIONS(FIND)
#undef FIND
    return library;
}

static const char *server;

/* A request to a model of the server; `rest` is what stands after the api_base. */
struct request {
    char json[512];
};

static inline struct request asking(const char *model, const char *rest)
{
    struct request request;
    int length = snprintf(request.json, sizeof request.json, "{\"model\":\"triton/%s\",\"api_base\":\"%s\",%s}",
                          model, server, rest);
    CHECK(length > 0 && (size_t)length < sizeof request.json);
    return request;
}

static inline struct request chat(const char *model)
{
    return asking(model, "\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]");
}

static inline void make_completion(const struct library *on, mishikallm_client *client)
{
    int32_t status = -99;
    char *answer = on->completion(client, chat("llm").json, &status);
    if (status != MISHIKALLM_OK) fprintf(stderr, "%s\n", answer);
    CHECK(status == MISHIKALLM_OK && strstr(answer, "The quick brown fox"));
    on->string_free(answer);
}

/* Reads a stream of twenty tokens; a negative `most`: to its end, else it is cancelled after so many chunks. */
static inline void read_stream(const struct library *on, mishikallm_client *client, int most)
{
    mishikallm_stream *stream = on->stream_open(client, "chat.completions", chat("s20").json, NULL);
    CHECK(stream);
    int32_t status = MISHIKALLM_OK;
    int tokens = 0;
    for (int chunks = 0; status == MISHIKALLM_OK; chunks++) {
        if (chunks == most) on->stream_cancel(stream);
        char *chunk = on->stream_next(stream, 10000, &status);
        tokens += chunk && strstr(chunk, "\"content\":\"token");
        on->string_free(chunk);
    }
    CHECK(most < 0 ? status == MISHIKALLM_DONE && tokens == 20 : status == MISHIKALLM_CANCELLED);
    on->stream_free(stream);
}

struct told {
    atomic_int pieces, ends;
};

static void tell(int32_t status, const char *json, void *userdata)
{
    struct told *told = userdata;
    CHECK(told->ends == 0 && (status == MISHIKALLM_OK || status == MISHIKALLM_DONE));
    CHECK(!json == (status == MISHIKALLM_DONE));
    atomic_fetch_add(status == MISHIKALLM_DONE ? &told->ends : &told->pieces, 1);
}

static inline void make_submitted(const struct library *on, mishikallm_client *client)
{
    struct told told = {0};
    mishikallm_call *call = on->submit(client, "chat.completions", chat("llm").json, tell, &told, NULL);
    CHECK(call);
    CHECK(on->call_wait(call, 10000) == MISHIKALLM_OK);
    CHECK(told.pieces == 1 && told.ends == 1);
    on->call_free(call);
}

static inline void make_embeddings(const struct library *on, mishikallm_client *client)
{
    struct request request = asking("e2x384", "\"input\":[\"a ship\",\"the sea\"]");
    size_t rows = 0, columns = 0;
    mishikallm_embeddings *made = on->embedding_f32(client, request.json, NULL);
    CHECK(made);
    CHECK(on->embeddings_data(made, &rows, &columns) && rows == 2 && columns == 384);
    on->embeddings_free(made);
}

/* One call of every kind. */
static inline void make_all(const struct library *on, mishikallm_client *client)
{
    make_completion(on, client);
    read_stream(on, client, -1);
    read_stream(on, client, 3);
    make_embeddings(on, client);
    make_submitted(on, client);
}

/* The same with a client that is made for it. */
static inline void make_all_anew(const struct library *on)
{
    mishikallm_client *client = on->client_new("{\"workers\":2}", NULL);
    CHECK(client);
    make_all(on, client);
    on->client_free(client);
}

/* How many entries a folder of /proc has. */
static inline int entries(const char *path)
{
    DIR *folder = opendir(path);
    CHECK(folder);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(folder));) count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

#endif
