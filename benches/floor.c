/* The floor: what the same requests cost with libcurl alone, one easy handle per thread, kept and reused. It reads no
 * JSON and writes none; it sends the bytes the library sent and takes in the reply.
 *
 *     floor BASE_URL REQUESTS        REQUESTS is a folder; MODE.http in it is the request of a mode, as it came over the wire
 */
#define _GNU_SOURCE
#include "load.h"

#include <curl/curl.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>

struct slot {
    CURL *curl;
    struct curl_slist *headers;
    char *reply;
    size_t length, capacity;
};

static const char *base_url, *folder;
static struct slot *slots;
static int slot_count;
static char *request;
/* The length of a case's first reply: the replies to one request are all alike, so one of another length is wrong. */
static _Atomic size_t expected_length;

void client_start(int argc, char **argv)
{
    if (argc != 3)
        die("usage", "floor BASE_URL REQUESTS");
    base_url = argv[1], folder = argv[2];
    curl_global_init(CURL_GLOBAL_ALL);
}

static char *read_request(const char *mode, size_t *length)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.http", folder, mode);
    FILE *file = fopen(path, "rb");
    if (!file)
        die("cannot open", path);
    fseek(file, 0, SEEK_END);
    *length = ftell(file);
    rewind(file);
    char *text = calloc(1, *length + 1);
    if (fread(text, 1, *length, file) != *length)
        die("cannot read", path);
    fclose(file);
    return text;
}

static size_t keep(char *data, size_t size, size_t count, void *context)
{
    struct slot *slot = context;
    size_t length = size * count;
    if (slot->length + length > slot->capacity) {
        slot->capacity = (slot->length + length) * 2;
        slot->reply = realloc(slot->reply, slot->capacity);
    }
    memcpy(slot->reply + slot->length, data, length);
    slot->length += length;
    return length;
}

static bool libcurl_writes_it(const char *header)
{
    return !strncasecmp(header, "host:", 5) || !strncasecmp(header, "content-length:", 15);
}

/* The lines of `head` as libcurl's own list. */
static struct curl_slist *copy_headers(char *head)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* never wait for "100 Continue" */
    char *rest = NULL;
    for (char *line = strtok_r(head, "\r\n", &rest); line; line = strtok_r(NULL, "\r\n", &rest))
        if (!libcurl_writes_it(line))
            list = curl_slist_append(list, line);
    return list;
}

static void prepare_slot(struct slot *slot, const char *url, const char *headers, const char *body, size_t length)
{
    if (!slot->curl)
        slot->curl = curl_easy_init();
    curl_slist_free_all(slot->headers);
    char *copy = strdup(headers);
    slot->headers = copy_headers(copy);
    free(copy);
    curl_easy_setopt(slot->curl, CURLOPT_URL, url);
    curl_easy_setopt(slot->curl, CURLOPT_HTTPHEADER, slot->headers);
    curl_easy_setopt(slot->curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(slot->curl, CURLOPT_POSTFIELDSIZE, (long)length);
    curl_easy_setopt(slot->curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(slot->curl, CURLOPT_WRITEDATA, slot);
    curl_easy_setopt(slot->curl, CURLOPT_NOSIGNAL, 1L);
}

void client_prepare(const char *mode, int threads)
{
    if (threads > slot_count) {
        slots = realloc(slots, threads * sizeof *slots);
        memset(slots + slot_count, 0, (threads - slot_count) * sizeof *slots);
        slot_count = threads;
    }
    free(request); /* the handles point into it until they are prepared anew below */
    size_t length;
    request = read_request(mode, &length);
    char path[1024];
    char *headers = strstr(request, "\r\n"), *body = strstr(request, "\r\n\r\n");
    if (!body || sscanf(request, "POST %1023s", path) != 1)
        die("not a POST request", mode);
    *body = 0;
    body += 4;
    headers = headers < body - 4 ? headers + 2 : "";

    char url[2048];
    snprintf(url, sizeof url, "%s%s", base_url, path);
    for (int i = 0; i < threads; i++)
        prepare_slot(&slots[i], url, headers, body, length - (body - request));
    expected_length = 0;
}

bool client_call(int thread)
{
    struct slot *slot = &slots[thread];
    long status = 0;
    slot->length = 0;
    if (curl_easy_perform(slot->curl) != CURLE_OK)
        return false;
    curl_easy_getinfo(slot->curl, CURLINFO_RESPONSE_CODE, &status);
    size_t expected = 0;
    bool first = atomic_compare_exchange_strong(&expected_length, &expected, slot->length);
    return status == 200 && slot->length > 0 && (first || slot->length == expected);
}
