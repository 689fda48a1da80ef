/* Reads cases from stdin, a line each:   MODE CALLS THREADS
 * and answers each with one line of JSON: what a call cost, and how many replies were wrong.
 *
 * CPU is user + system time of the whole process, all its threads, divided by the calls; so whatever a client does on
 * threads of its own is counted too. */
#define _GNU_SOURCE
#include "load.h"

#include <pthread.h>
#include <sys/resource.h>
#include <time.h>

/* Calls that each thread makes before the clock starts: connections are opened, buffers grown, models looked up. */
enum { WARM_UP_CALLS = 3 };

struct worker {
    pthread_t thread;
    int number;
    int calls;
    int bad;
    double *latencies_us;
};

static pthread_barrier_t all_warm, clock_runs;

static double microseconds(double seconds, double rest) { return seconds * 1e6 + rest; }

static double wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return microseconds(now.tv_sec, now.tv_nsec / 1e3);
}

static double cpu_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return microseconds(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec, usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    for (int i = 0; i < WARM_UP_CALLS; i++)
        worker->bad += !client_call(worker->number);
    pthread_barrier_wait(&all_warm);
    pthread_barrier_wait(&clock_runs);
    for (int i = 0; i < worker->calls; i++) {
        double start = wall_us();
        worker->bad += !client_call(worker->number);
        worker->latencies_us[i] = wall_us() - start;
    }
    return NULL;
}

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void run_case(const char *mode, int calls_wanted, int threads)
{
    int calls_each = calls_wanted < threads ? 1 : calls_wanted / threads;
    int calls = calls_each * threads;
    double *latencies_us = calloc(calls, sizeof *latencies_us);
    struct worker *workers = calloc(threads, sizeof *workers);

    client_prepare(mode, threads);
    pthread_barrier_init(&all_warm, NULL, threads + 1);
    pthread_barrier_init(&clock_runs, NULL, threads + 1);
    for (int i = 0; i < threads; i++) {
        struct worker *worker = &workers[i];
        worker->number = i;
        worker->calls = calls_each;
        worker->latencies_us = latencies_us + (size_t)i * calls_each;
        if (pthread_create(&worker->thread, NULL, work, worker))
            die("cannot start a thread for", mode);
    }
    pthread_barrier_wait(&all_warm);
    double wall = wall_us(), cpu = cpu_us();
    pthread_barrier_wait(&clock_runs);
    int bad = 0;
    for (int i = 0; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
        bad += workers[i].bad;
    }
    wall = wall_us() - wall, cpu = cpu_us() - cpu;

    qsort(latencies_us, calls, sizeof *latencies_us, by_size);
    printf("{\"mode\":\"%s\",\"conc\":%d,\"n\":%d,\"warm_up\":%d,\"bad\":%d,"
           "\"wall_us\":%.2f,\"cpu_us\":%.2f,\"p50_us\":%.1f,\"p99_us\":%.1f}\n",
           mode, threads, calls, WARM_UP_CALLS * threads, bad, wall / calls, cpu / calls,
           latencies_us[calls / 2], latencies_us[(int)(calls * 0.99)]);

    pthread_barrier_destroy(&all_warm);
    pthread_barrier_destroy(&clock_runs);
    free(workers);
    free(latencies_us);
}

int main(int argc, char **argv)
{
    char mode[64];
    int calls, threads;
    setvbuf(stdout, NULL, _IOLBF, 0);
    client_start(argc, argv);
    while (scanf("%63s %d %d", mode, &calls, &threads) == 3)
        run_case(mode, calls, threads < 1 ? 1 : threads);
    return 0;
}
