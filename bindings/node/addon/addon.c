/*
 * What the JavaScript beside it (lib/native.js) sees. Each function is on the JS thread.
 *
 *     open(path, tell)                               loads the library; tell gets all events of this environment
 *     version() → text, info() → text, statusName(n) → text
 *     clientNew(config) → client | error             a client is an object; an error is JSON, a string
 *     clientClose(client)
 *     submit(client, operation, request, window) → slot | error
 *     rows(client, request) → slot | error
 *     giveUp(slot), grant(slot, chunks)
 *     log(level) → status
 *
 * A slot is a number that stands for a call until its last event: the one whose status is not 0. tell is called with
 *     (slot, status, text, data, rows, columns)      of a call; data is an ArrayBuffer, of rows alone
 *     (-1, level, text)                              of the log
 */
#define _GNU_SOURCE
#include "addon.h"
#include <stdlib.h>
#include <string.h>

static const napi_type_tag CLIENT = {0x6d697368696b616cULL, 0x6c6d636c69656e74ULL};

static napi_value refuse(napi_env env, const char *message)
{
    bool is_pending = false;
    napi_is_exception_pending(env, &is_pending);
    if (!is_pending)
        napi_throw_type_error(env, "ERR_MISHIKALLM", message);
    return NULL;
}

/* The arguments of a call from JavaScript, and the environment they came from. */
static instance *arguments(napi_env env, napi_callback_info info, size_t count, napi_value *values)
{
    instance *home = NULL;
    size_t given = count;
    if (napi_get_cb_info(env, info, &given, values, NULL, NULL) == napi_ok && given >= count)
        napi_get_instance_data(env, (void **)&home);
    return home;
}

/* undefined for NULL, and for a text that is longer than JavaScript's may be. */
static napi_value text_value(napi_env env, const char *text, size_t length, bool is_ascii)
{
    napi_value value, error;
    napi_status made = napi_generic_failure;
    if (text != NULL && is_ascii)
        made = napi_create_string_latin1(env, text, length, &value);
    else if (text != NULL)
        made = napi_create_string_utf8(env, text, length, &value);
    if (made != napi_ok) {
        napi_get_and_clear_last_exception(env, &error);
        napi_get_undefined(env, &value);
    }
    return value;
}

static napi_value number_value(napi_env env, double number)
{
    napi_value value = NULL;
    napi_create_double(env, number, &value);
    return value;
}

/* A string of JavaScript's as UTF-8, which the caller frees. NULL: no string, or one that C cannot hold. */
static char *text_of(napi_env env, napi_value value)
{
    size_t length;
    if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok)
        return NULL;
    char *text = malloc(length + 1);
    if (text == NULL)
        abort();
    napi_get_value_string_utf8(env, value, text, length + 1, &length);
    if (strlen(text) == length)
        return text;
    free(text);
    return NULL;
}

static client *client_of(napi_env env, napi_value value)
{
    void *it = NULL;
    bool is_one = false;
    if (napi_check_object_type_tag(env, value, &CLIENT, &is_one) == napi_ok && is_one)
        napi_unwrap(env, value, &it);
    return it;
}

/* An error JSON of the library's, which is freed. */
static napi_value error_value(napi_env env, char *error)
{
    napi_value value = text_value(env, error, error == NULL ? 0 : strlen(error), false);
    library.string_free(error);
    return value;
}

/* Slots and the life of the event loop: a call that is under way keeps the process alive. */

static void occupy(napi_env env, instance *home, call *it)
{
    size_t slot = home->none_free_before;
    while (slot < home->slot_count && home->slots[slot] != NULL)
        slot++;
    if (slot == home->slot_count) {
        size_t count = slot == 0 ? 64 : slot * 2;
        call **slots = realloc(home->slots, count * sizeof *slots);
        if (slots == NULL)
            abort();
        memset(slots + slot, 0, (count - slot) * sizeof *slots);
        home->slots = slots;
        home->slot_count = count;
    }
    home->slots[slot] = it;
    home->none_free_before = slot + 1;
    it->slot = slot;
    if (home->under_way++ == 0)
        napi_ref_threadsafe_function(env, home->bell);
}

static void vacate(napi_env env, instance *home, call *it)
{
    home->slots[it->slot] = NULL;
    if (it->slot < home->none_free_before)
        home->none_free_before = it->slot;
    if (--home->under_way == 0)
        napi_unref_threadsafe_function(env, home->bell);
    call_drop(it);
}

static call *call_of(napi_env env, instance *home, napi_value value)
{
    uint32_t slot;
    bool is_one = napi_get_value_uint32(env, value, &slot) == napi_ok && slot < home->slot_count;
    return is_one ? home->slots[slot] : NULL;
}

/* Events */

static void rows_free(napi_env env, void *data, void *rows)
{
    (void)env, (void)data;
    library.embeddings_free(rows);
}

/* The numbers where they are, without a copy; nobody else has them. */
static napi_value rows_value(napi_env env, event *it, size_t *rows, size_t *columns)
{
    napi_value buffer = NULL;
    void *copied;
    const float *data = library.embeddings_data(it->rows, rows, columns);
    size_t bytes = *rows * *columns * sizeof *data;
    if (bytes != 0 && napi_create_external_arraybuffer(env, (void *)data, bytes, rows_free, it->rows, &buffer) == napi_ok) {
        it->rows = NULL;
        return buffer;
    }
    /* Some hosts of Node-API (Electron) take no memory of others. */
    if (napi_create_arraybuffer(env, bytes, &copied, &buffer) == napi_ok && bytes != 0)
        memcpy(copied, data, bytes);
    return buffer;
}

/* napi_threadsafe_function_call_js */
static void on_bell(napi_env env, napi_value tell, void *context, void *data)
{
    instance *home = context;
    event *it = data;
    if (it->kind == LOG_EVENT)
        atomic_fetch_sub(&home->log_lines, 1);
    if (env == NULL || !home->open) {
        event_free(it);
        return;
    }
    size_t rows = 0, columns = 0, count = 3;
    napi_value nothing, values[6];
    napi_get_undefined(env, &nothing);
    values[0] = number_value(env, it->kind == LOG_EVENT ? -1.0 : (double)it->call->slot);
    values[1] = number_value(env, it->status);
    values[2] = text_value(env, it->text, it->length, it->is_ascii);
    if (it->rows != NULL) {
        values[3] = rows_value(env, it, &rows, &columns);
        values[4] = number_value(env, (double)rows);
        values[5] = number_value(env, (double)columns);
        count = 6;
    }
    if (it->is_last)
        vacate(env, home, it->call);
    event_free(it);
    /* What it throws, which is a defect, is left to Node: an uncaught exception. */
    napi_call_function(env, nothing, tell, count, values, NULL);
}

/* The end of an environment */

static void on_bell_gone(napi_env env, void *unused, void *context)
{
    (void)env, (void)unused;
    instance_drop(context);
}

static void instance_close(void *data)
{
    instance *home = data;
    pthread_mutex_lock(&home->lock);
    home->open = false;
    pthread_mutex_unlock(&home->lock);
    log_forget(home);
    for (size_t slot = 0; slot < home->slot_count; slot++)
        if (home->slots[slot] != NULL) {
            call_give_up(home->slots[slot]);
            call_drop(home->slots[slot]);
            home->slots[slot] = NULL;
        }
    if (home->bell != NULL)
        napi_release_threadsafe_function(home->bell, napi_tsfn_abort);
    instance_drop(home);
}

/* Functions */

static napi_value js_open(napi_env env, napi_callback_info info)
{
    napi_value values[2], name;
    instance *home = arguments(env, info, 2, values);
    char *path = home == NULL ? NULL : text_of(env, values[0]);
    if (path == NULL || home->bell != NULL) {
        free(path);
        return refuse(env, "open: expected a path and a function, once");
    }
    char *error = library_open(path);
    free(path);
    if (error != NULL) {
        napi_throw_error(env, "ERR_MISHIKALLM_LIBRARY", error);
        free(error);
        return NULL;
    }
    napi_create_string_utf8(env, "mishikallm", NAPI_AUTO_LENGTH, &name);
    if (napi_create_threadsafe_function(env, values[1], NULL, name, 0, 1, NULL, on_bell_gone, home, on_bell,
                                        &home->bell) != napi_ok)
        return refuse(env, "open: expected a function");
    instance_keep(home);
    napi_unref_threadsafe_function(env, home->bell);
    home->open = true;
    /* After the bell, whose own hook then runs later: hooks run in reverse. */
    napi_add_env_cleanup_hook(env, instance_close, instance_keep(home));
    return NULL;
}

static napi_value js_version(napi_env env, napi_callback_info info)
{
    (void)info;
    const char *version = library.version();
    return text_value(env, version, strlen(version), false);
}

static napi_value js_info(napi_env env, napi_callback_info info)
{
    (void)info;
    return error_value(env, library.info());
}

static napi_value js_status_name(napi_env env, napi_callback_info info)
{
    napi_value values[1];
    int32_t status = 0;
    if (arguments(env, info, 1, values) == NULL || napi_get_value_int32(env, values[0], &status) != napi_ok)
        return refuse(env, "statusName: expected a number");
    const char *name = library.status_name(status);
    return text_value(env, name, strlen(name), false);
}

static void client_gone(napi_env env, void *data, void *hint)
{
    (void)env, (void)hint;
    client_drop(data);
}

static napi_value js_client_new(napi_env env, napi_callback_info info)
{
    napi_value values[1], value = NULL;
    instance *home = arguments(env, info, 1, values);
    char *config = home == NULL ? NULL : text_of(env, values[0]);
    if (config == NULL)
        return refuse(env, "clientNew: expected a string");
    char *error = NULL;
    mishikallm_client *handle = library.client_new(config, &error);
    free(config);
    if (handle == NULL)
        return error_value(env, error);
    client *it = calloc(1, sizeof *it);
    if (it == NULL)
        abort();
    it->references = 1;
    it->handle = handle;
    if (napi_create_object(env, &value) != napi_ok || napi_wrap(env, value, it, client_gone, NULL, NULL) != napi_ok) {
        client_drop(it);
        return refuse(env, "clientNew: no more memory");
    }
    napi_type_tag_object(env, value, &CLIENT);
    return value;
}

static napi_value js_client_close(napi_env env, napi_callback_info info)
{
    napi_value values[1];
    instance *home = arguments(env, info, 1, values);
    client *it = home == NULL ? NULL : client_of(env, values[0]);
    if (it == NULL)
        return refuse(env, "clientClose: expected a client");
    library.client_close(it->handle);
    for (size_t slot = 0; slot < home->slot_count; slot++)
        if (home->slots[slot] != NULL && home->slots[slot]->client == it)
            call_client_closed(home->slots[slot]);
    return NULL;
}

/* What submit and rows give: a slot, or the library's error, and then there will be no event. */
static napi_value started(napi_env env, instance *home, call *it, char *error)
{
    if (it->submitted == NULL && it->stream == NULL) {
        call_drop(it);
        call_drop(it);
        return error_value(env, error);
    }
    occupy(env, home, it);
    return number_value(env, (double)it->slot);
}

static napi_value js_submit(napi_env env, napi_callback_info info)
{
    napi_value values[4], value = NULL;
    uint32_t window;
    instance *home = arguments(env, info, 4, values);
    client *of = home == NULL ? NULL : client_of(env, values[0]);
    if (of == NULL || napi_get_value_uint32(env, values[3], &window) != napi_ok)
        return refuse(env, "submit: expected a client, an operation, a request and a number");
    char *operation = text_of(env, values[1]);
    char *request = text_of(env, values[2]);
    if (operation != NULL && request != NULL) {
        call *it = call_new(home, of, window);
        char *error = call_submit(it, operation, request);
        value = started(env, home, it, error);
    }
    free(operation);
    free(request);
    return value != NULL ? value : refuse(env, "operation: expected a string without U+0000");
}

static napi_value js_rows(napi_env env, napi_callback_info info)
{
    napi_value values[2];
    instance *home = arguments(env, info, 2, values);
    client *of = home == NULL ? NULL : client_of(env, values[0]);
    char *request = of == NULL ? NULL : text_of(env, values[1]);
    if (request == NULL)
        return refuse(env, "rows: expected a client and a request");
    call *it = call_new(home, of, 0);
    char *error = rows_start(it, request);
    free(request);
    return started(env, home, it, error);
}

static napi_value js_give_up(napi_env env, napi_callback_info info)
{
    napi_value values[1];
    instance *home = arguments(env, info, 1, values);
    call *it = home == NULL ? NULL : call_of(env, home, values[0]);
    if (it != NULL)
        call_give_up(it);
    return NULL;
}

static napi_value js_grant(napi_env env, napi_callback_info info)
{
    napi_value values[2];
    uint32_t chunks;
    instance *home = arguments(env, info, 2, values);
    call *it = home == NULL ? NULL : call_of(env, home, values[0]);
    if (it != NULL && napi_get_value_uint32(env, values[1], &chunks) == napi_ok)
        call_grant(it, chunks);
    return NULL;
}

static napi_value js_log(napi_env env, napi_callback_info info)
{
    napi_value values[1];
    int32_t level;
    instance *home = arguments(env, info, 1, values);
    if (home == NULL || napi_get_value_int32(env, values[0], &level) != napi_ok)
        return refuse(env, "log: expected a number");
    return number_value(env, log_set(home, level));
}

static void on_environment_gone(napi_env env, void *data, void *hint)
{
    (void)env, (void)hint;
    instance_drop(data);
}

/* One for each environment: the main thread's, and each worker's. */
NAPI_MODULE_INIT()
{
    instance *home = calloc(1, sizeof *home);
    if (home == NULL)
        abort();
    home->references = 1;
    pthread_mutex_init(&home->lock, NULL);
    napi_set_instance_data(env, home, on_environment_gone, NULL);

    const struct {
        const char *name;
        napi_callback function;
    } functions[] = {
        {"open", js_open}, {"version", js_version}, {"info", js_info}, {"statusName", js_status_name},
        {"clientNew", js_client_new}, {"clientClose", js_client_close}, {"submit", js_submit}, {"rows", js_rows},
        {"giveUp", js_give_up}, {"grant", js_grant}, {"log", js_log},
    };
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        napi_value value;
        if (napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, NULL, &value) != napi_ok ||
            napi_set_named_property(env, exports, functions[i].name, value) != napi_ok)
            return refuse(env, "the addon's functions could not be made");
    }
    return exports;
}
