/* What the standard library does unseen by ThreadSanitizer, told to it. Rust's standard library comes compiled without
 * the sanitizer: what is generic or inlined in it is compiled with ours, but a lock that is taken inside it is not seen,
 * and whatever that lock protects would look unprotected. The linker sends the few functions that do so here; each macro
 * is the name of one of them in this toolchain, see raced.rs. */
#include <stdint.h>

extern void __tsan_acquire(void *address), __tsan_release(void *address);

/* A word that is passed on as it is. */
typedef uintptr_t word;

#define JOINED(a, b) a##b
#define NAMED(a, b) JOINED(a, b)
#define REAL(function) NAMED(__real_, function)
#define WRAP(function) NAMED(__wrap_, function)

/* A condition variable lets go of the mutex, and takes it again. */
extern word REAL(CONDVAR_WAIT)(void *condvar, void *mutex);
extern word WRAP(CONDVAR_WAIT)(void *condvar, void *mutex);
extern word REAL(CONDVAR_WAIT_TIMEOUT)(void *condvar, void *mutex, word seconds, word nanoseconds);
extern word WRAP(CONDVAR_WAIT_TIMEOUT)(void *condvar, void *mutex, word seconds, word nanoseconds);

word WRAP(CONDVAR_WAIT)(void *condvar, void *mutex)
{
    __tsan_release(mutex);
    word result = REAL(CONDVAR_WAIT)(condvar, mutex);
    __tsan_acquire(mutex);
    return result;
}

word WRAP(CONDVAR_WAIT_TIMEOUT)(void *condvar, void *mutex, word seconds, word nanoseconds)
{
    __tsan_release(mutex);
    word result = REAL(CONDVAR_WAIT_TIMEOUT)(condvar, mutex, seconds, nanoseconds);
    __tsan_acquire(mutex);
    return result;
}

/* A lock that another thread has: it is waited for, and taken. */
#define CONTENDED(function)                         \
    extern word REAL(function)(void *lock);         \
    extern word WRAP(function)(void *lock);         \
    word WRAP(function)(void *lock)                 \
    {                                               \
        word result = REAL(function)(lock);         \
        __tsan_acquire(lock);                       \
        return result;                              \
    }
CONTENDED(MUTEX_LOCK)
CONTENDED(RWLOCK_READ)
CONTENDED(RWLOCK_WRITE)

/* What is done once is seen by all who come after. */
extern word REAL(ONCE_CALL)(void *once, word ignores_poison, word closure, word vtable);
extern word WRAP(ONCE_CALL)(void *once, word ignores_poison, word closure, word vtable);

word WRAP(ONCE_CALL)(void *once, word ignores_poison, word closure, word vtable)
{
    word result = REAL(ONCE_CALL)(once, ignores_poison, closure, vtable);
    __tsan_acquire(once);
    __tsan_release(once);
    return result;
}
