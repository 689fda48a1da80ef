/* From nothing to the first answer: what a program waits for when it loads the library and makes one call. Beside it, the
 * same request over a bare socket that is already connected and warm: the part of the wait that is the network and the server.
 *
 *     startup LIBRARY MODEL API_BASE REQUEST      REQUEST is a file: the same call's POST, as it came over the wire
 *
 * Prints one line of JSON, all in microseconds. A process starts only once, so the runner runs this many times. */
#define _GNU_SOURCE
#include "mishikallm.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { WARM_CALLS = 50 };

static _Noreturn void die(const char *what, const char *which)
{
    fprintf(stderr, "%s: %s\n", what, which ? which : "(nothing)");
    exit(1);
}

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_size);
    return values[count / 2];
}

/* The bare socket */

static int connect_to(const char *api_base)
{
    char host[64];
    int port, yes = 1;
    struct sockaddr_in address = {.sin_family = AF_INET};
    if (sscanf(api_base, "http://%63[0-9.]:%d", host, &port) != 2 || inet_pton(AF_INET, host, &address.sin_addr) != 1)
        die("not http://ADDRESS:PORT", api_base);
    address.sin_port = htons(port);
    int socket_fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(socket_fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(socket_fd, (struct sockaddr *)&address, sizeof address))
        die("cannot connect", api_base);
    return socket_fd;
}

static void exchange(int socket_fd, const char *request, size_t request_length)
{
    static const char last_chunk[] = "\r\n0\r\n\r\n";
    const size_t tail = sizeof last_chunk - 1;
    char reply[16384];
    size_t length = 0;
    if (write(socket_fd, request, request_length) != (ssize_t)request_length)
        die("cannot send", "the request");
    while (length < tail || memcmp(reply + length - tail, last_chunk, tail)) {
        ssize_t count = read(socket_fd, reply + length, sizeof reply - length);
        if (count <= 0)
            die("no whole reply to", "the request");
        length += count;
    }
}

static double warm_socket_us(const char *api_base, const char *request_file)
{
    static char request[16384];
    FILE *file = fopen(request_file, "rb");
    if (!file)
        die("cannot open", request_file);
    size_t length = fread(request, 1, sizeof request, file);
    fclose(file);

    int socket_fd = connect_to(api_base);
    double times[WARM_CALLS];
    for (int i = -3; i < WARM_CALLS; i++) { /* the first three only warm up */
        double start = now_us();
        exchange(socket_fd, request, length);
        if (i >= 0)
            times[i] = now_us() - start;
    }
    close(socket_fd);
    return median(times, WARM_CALLS);
}

/* The library */

/* A function of the library, with the type that the header gives it. */
#define FIND(library, name) ((__typeof__(&name))find(library, #name))

static void *find(void *library, const char *name)
{
    void *symbol = dlsym(library, name);
    if (!symbol)
        die("no such function", name);
    return symbol;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        die("usage", "startup LIBRARY MODEL API_BASE REQUEST");
    const char *library_path = argv[1], *model = argv[2], *api_base = argv[3], *request_file = argv[4];
    char request[2048];
    snprintf(request, sizeof request,
             "{\"model\":\"triton/%s\",\"messages\":[{\"role\":\"user\",\"content\":\"hello big world\"}],"
             "\"max_tokens\":16,\"api_base\":\"%s\"}", model, api_base);

    double socket_us = warm_socket_us(api_base, request_file);

    double start = now_us();
    void *library = dlopen(library_path, RTLD_NOW);
    if (!library)
        die("cannot load", dlerror());
    double loaded = now_us();
    __auto_type new_client = FIND(library, mishikallm_client_new);
    __auto_type free_client = FIND(library, mishikallm_client_free);
    __auto_type complete = FIND(library, mishikallm_completion);
    __auto_type free_string = FIND(library, mishikallm_string_free);
    char *error = NULL;
    mishikallm_client *client = new_client("{}", &error);
    if (!client)
        die("no client", error);
    double ready = now_us();

    double times[2 + WARM_CALLS];
    for (int i = 0; i < 2 + WARM_CALLS; i++) {
        int32_t status;
        double call_start = now_us();
        char *reply = complete(client, request, &status);
        times[i] = now_us() - call_start;
        if (status != 0 || !strstr(reply, "The quick brown fox"))
            die("a wrong reply", reply);
        free_string(reply);
    }
    double first = times[0], second = times[1];
    printf("{\"dlopen_us\":%.1f,\"client_us\":%.1f,\"first_us\":%.1f,\"second_us\":%.1f,\"warm_us\":%.1f,"
           "\"to_first_answer_us\":%.1f,\"socket_us\":%.1f}\n",
           loaded - start, ready - loaded, first, second, median(times + 2, WARM_CALLS), ready - start + first, socket_us);
    free_client(client);
    return 0;
}
