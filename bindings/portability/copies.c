/* Several copies of the library in one process, as when two packages of different languages each bring their own: none of
 * them sees another's symbols, log or clients.
 *
 *     copies URL LIBRARY LIBRARY      two files with the same content
 *
 * With -DSTATIC and the static library, the program itself holds a third copy, whose symbols it exports.
 */
#include "library.h"

enum { THREADS = 4, ROUNDS = 20 };

static atomic_int lines[3];

static void count_line(int32_t level, const char *message, void *userdata)
{
    (void)level, (void)message;
    atomic_fetch_add((atomic_int *)userdata, 1);
}

static void *use(void *library)
{
    for (int i = 0; i < ROUNDS; i++) {
        make_all(library, NULL);
        make_all_anew(library);
    }
    return NULL;
}

/* The log is each copy's own: a line of one is counted for no other. */
static void check_logs(struct library *copies, int count)
{
    for (int i = 0; i < count; i++)
        CHECK(copies[i].set_log(count_line, &lines[i], MISHIKALLM_LOG_DEBUG) == MISHIKALLM_OK);
    for (int i = 0; i < count; i++) {
        int before[3] = {lines[0], lines[1], lines[2]};
        make_completion(&copies[i], NULL);
        for (int other = 0; other < count; other++)
            CHECK((lines[other] > before[other]) == (other == i));
    }
    for (int i = 0; i < count; i++) CHECK(copies[i].set_log(NULL, NULL, 0) == MISHIKALLM_OK);
}

int main(int arguments, char **argument)
{
    CHECK(arguments == 4);
    server = argument[1];
    struct library copies[3] = {loaded(argument[2], RTLD_GLOBAL), loaded(argument[3], RTLD_LOCAL)};
    int count = 2;
#ifdef STATIC
#define OWN(name) copies[2].name = mishikallm_##name;
    FUNCTIONS(OWN)
    count = 3;
#endif
    for (int i = 0; i < count; i++)
        for (int other = 0; other < i; other++) {
#define DIFFER(name) CHECK(copies[i].name != copies[other].name);
            FUNCTIONS(DIFFER)
        }

    check_logs(copies, count);
    pthread_t threads[3][THREADS];
    for (int i = 0; i < count; i++)
        for (int t = 0; t < THREADS; t++) CHECK(pthread_create(&threads[i][t], NULL, use, &copies[i]) == 0);
    for (int i = 0; i < count; i++)
        for (int t = 0; t < THREADS; t++) CHECK(pthread_join(threads[i][t], NULL) == 0);
    check_logs(copies, count);

    /* One that is given up takes nothing away from the others. */
    CHECK(dlclose(copies[0].handle) == 0);
    make_all(&copies[1], NULL);
    CHECK(dlclose(copies[1].handle) == 0);
    printf("%d copies: %d threads on each, %d calls\n", count, THREADS, count * THREADS * ROUNDS * 10);
    return 0;
}
