/*
 * The addon between Node and libmishikallm: what its files share.
 *
 * Threads. Each environment of Node (the main thread, each worker) has an `instance`. What is marked "JS thread" is
 * touched by that environment's thread alone. Library threads reach JavaScript only through `instance_tell`.
 *
 * The end of an environment may come at any time, by worker.terminate() or process.exit(), with calls under way. It
 * waits for no thread: `instance_close` shuts the bell under its lock, cancels what is under way, and wakes the callbacks
 * that wait for credit. Memory goes with the last reference. The code itself is never unloaded (-z nodelete), since
 * library threads may still be in it.
 */
#ifndef MISHIKALLM_ADDON_H
#define MISHIKALLM_ADDON_H

#define NAPI_VERSION 8
#include "mishikallm.h"
#include <node_api.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* The library's functions, under their names without the prefix. */
#define LIBRARY_FUNCTIONS(X)                                                                                            \
    X(abi_version) X(version) X(info) X(status_name) X(set_log) X(string_free) X(client_new) X(client_close)           \
    X(client_free) X(submit) X(call_cancel) X(call_free) X(stream_open) X(stream_cancel) X(stream_free)                \
    X(stream_embeddings) X(embeddings_data) X(embeddings_info) X(embeddings_free)

struct library {
#define POINTER(name) __typeof__(&mishikallm_##name) name;
    LIBRARY_FUNCTIONS(POINTER)
#undef POINTER
};

/* Filled by library_open(), which comes before everything else. */
extern struct library library;

/* Loads the library, once for the process. NULL, or what is wrong; the caller frees it. */
char *library_open(const char *path);

/* A client of the library, for as long as JavaScript or a call needs it. */
typedef struct {
    atomic_size_t references;
    mishikallm_client *handle;
} client;

client *client_keep(client *it);
void client_drop(client *it);

typedef struct call call;

typedef struct {
    atomic_size_t references;
    pthread_mutex_t lock; /* guards `open`, and with it the bell */
    bool open;
    napi_threadsafe_function bell;
    atomic_uint log_lines; /* on their way to JavaScript */
    atomic_uint log_lost;
    /* JS thread: */
    call **slots;
    size_t slot_count;
    size_t none_free_before;
    size_t under_way;
} instance;

instance *instance_keep(instance *it);
void instance_drop(instance *it);

/* What JavaScript is told. */
typedef struct {
    enum { CALL_EVENT, LOG_EVENT } kind;
    call *call;     /* the last event carries the library's reference */
    bool is_last;
    int32_t status; /* of the call, or the log's level */
    char *text;     /* may be NULL */
    size_t length;
    bool is_ascii;
    mishikallm_embeddings *rows;
} event;

/* `text` is malloc()ed or NULL, and the event's from now on. */
event *event_new(int kind, int32_t status, char *text);
char *copy(const char *text);
void event_free(event *it);

/* Hands an event to JavaScript; any thread. After the environment's end it only frees it. */
void instance_tell(instance *it, event *told);

/* A call that is under way, or one whose last event JavaScript has not seen yet. */
struct call {
    atomic_size_t references; /* one of JavaScript's slot, one of the library's last event */
    instance *home;
    client *client;
    size_t slot;
    /* One of the two, once it is started: */
    mishikallm_call *submitted;
    mishikallm_stream *stream; /* rows */
    call *next;                /* in the line for a thread (rows.c) */
    char *answer;              /* of a call without chunks: told with its last event */
    uint32_t window;           /* chunks that may be ahead of JavaScript; 0: the call has no chunks */
    pthread_mutex_t lock;      /* guards what follows */
    pthread_cond_t changed;
    uint32_t ahead;            /* chunks that JavaScript has not granted yet */
    bool is_given_up;          /* its chunks are wanted no more */
    bool is_unbounded;         /* the client was closed: what is there is told without waiting */
};

/* call.c, on the JS thread */
call *call_new(instance *home, client *of, uint32_t window);
void call_drop(call *it);
void call_give_up(call *it);
char *call_submit(call *it, const char *operation, const char *request);
void call_grant(call *it, uint32_t chunks);
void call_client_closed(call *it);

/* rows.c: embeddings as numbers, on threads of the addon's */
char *rows_start(call *it, const char *request);
/* A call that has been ended need not wait for a thread. */
void rows_expedite(call *it);

/* log.c, on the JS thread */
int32_t log_set(instance *to, int32_t level);
void log_forget(instance *it);

#endif
