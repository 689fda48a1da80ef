/*
 * Embeddings as numbers: the library hands them out where they arrived, on the thread that asks, which must not be
 * the event loop's, nor one of libuv's four, which belong to fs, dns and crypto.
 *
 * Threads start as there is work for them, up to THREADS in the process, and end after LINGER seconds without any.
 */
#define _GNU_SOURCE
#include "addon.h"
#include "portable.h"
#include <signal.h>
#include <time.h>

enum { THREADS = 256, LINGER = 5, STACK = 2 << 20 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER;
static call *first, *last;
static size_t waiting, threads, idle;

static void run(call *it)
{
    int32_t status;
    char *error = NULL;
    mishikallm_embeddings *rows = library.stream_embeddings(it->stream, -1, &status, &error);
    char *info = rows == NULL ? NULL : library.embeddings_info(rows);
    event *told = event_new(CALL_EVENT, rows == NULL ? status : MISHIKALLM_DONE, copy(rows == NULL ? error : info));
    library.string_free(info);
    library.string_free(error);
    told->rows = rows;
    told->call = it;
    told->is_last = true;
    instance_tell(it->home, told);
}

/* Takes `it` out of the line, or the first for NULL. */
static call *take(call *it)
{
    call **at = &first, *before = NULL;
    while (*at != NULL && it != NULL && *at != it) {
        before = *at;
        at = &before->next;
    }
    call *taken = *at;
    if (taken == NULL)
        return NULL;
    *at = taken->next;
    if (last == taken)
        last = before;
    taken->next = NULL;
    waiting--;
    return taken;
}

static void *live(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    for (;;) {
        call *it = take(NULL);
        if (it != NULL) {
            pthread_mutex_unlock(&lock);
            run(it);
            pthread_mutex_lock(&lock);
            continue;
        }
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += LINGER;
        idle++;
        int waited = pthread_cond_timedwait(&work, &lock, &until);
        idle--;
        if (waited != 0 && first == NULL)
            break;
    }
    threads--;
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* Signals are for the host's own threads. */
static bool start_thread(void)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    bool is_started = pthread_create(&thread, &attributes, live, NULL) == 0;
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return is_started;
}

static void tell_no_thread(call *it)
{
    event *told = event_new(CALL_EVENT, MISHIKALLM_BUSY,
                            copy("{\"error\":{\"message\":\"the system lets no thread start for this call\",\"type\":"
                                 "\"throttling_error\",\"param\":null,\"code\":\"429\",\"status\":429}}"));
    told->call = it;
    told->is_last = true;
    instance_tell(it->home, told);
}

char *rows_start(call *it, const char *request)
{
    char *error = NULL;
    it->stream = library.stream_open(it->client->handle, "embeddings", request, &error);
    if (it->stream == NULL)
        return error;
    pthread_mutex_lock(&lock);
    *(last == NULL ? &first : &last->next) = it;
    last = it;
    waiting++;
    if (waiting > idle && threads < THREADS && start_thread())
        threads++;
    bool is_lost = threads == 0 && take(it) == it;
    pthread_cond_signal(&work);
    pthread_mutex_unlock(&lock);
    if (is_lost)
        tell_no_thread(it);
    return NULL;
}

void rows_expedite(call *it)
{
    if (it->stream == NULL)
        return;
    pthread_mutex_lock(&lock);
    call *taken = take(it);
    pthread_mutex_unlock(&lock);
    /* It has been ended: this does not wait. */
    if (taken != NULL)
        run(taken);
}
