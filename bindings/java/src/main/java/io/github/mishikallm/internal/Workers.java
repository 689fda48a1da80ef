package io.github.mishikallm.internal;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Daemon threads that wait in C for calls that nobody blocks for. A thread takes one call at a time; there are as many
 * threads as calls, up to a bound, beyond which calls wait their turn. Threads end after some seconds without work.
 */
public final class Workers {
    /** How many threads there may be, which is how many calls are under way at once. */
    static final String THREADS_PROPERTY = "mishikallm.threads";

    private static final int THREADS = 256;
    private static final int WAITING = 65_536;
    private static final long IDLE_SECONDS = 10;
    private static final long STACK_BYTES = 512 << 10;

    /** Those of the process. */
    public static final Workers SHARED = new Workers(System.getProperty(THREADS_PROPERTY, "" + THREADS), WAITING);

    private final String given;
    private final int most;
    private final int waiting;
    private final Queue<Runnable> tasks = new ArrayDeque<>();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition work = lock.newCondition();
    private int threads;
    private int idle;
    private long started;

    Workers(String most, int waiting) {
        this.given = most;
        this.most = most.matches("[0-9]{1,6}") ? Integer.parseInt(most) : 0;
        this.waiting = waiting;
    }

    /**
     * Has a thread run the task, now or when one is free.
     *
     * @throws RejectedExecutionException if as many wait as may
     * @throws IllegalStateException      if the number of threads that was given is none
     */
    public void execute(Runnable task) {
        if (most < 1) {
            throw new IllegalStateException("the system property " + THREADS_PROPERTY
                    + ": expected a number from 1 to 999999, got " + given);
        }
        lock.lock();
        try {
            if (idle <= tasks.size() && threads < most) {
                Thread thread = new Thread(null, () -> serve(task), "mishikallm-" + ++started, STACK_BYTES);
                thread.setDaemon(true);
                thread.setContextClassLoader(ClassLoader.getSystemClassLoader());
                thread.start();
                threads++;
                return;
            }
            if (tasks.size() >= waiting) {
                throw new RejectedExecutionException(waiting + " calls wait for a thread already: wait for some of them, "
                        + "or allow more threads with -D" + THREADS_PROPERTY + "=NUMBER (" + most + ")");
            }
            tasks.add(task);
            work.signal();
        } finally {
            lock.unlock();
        }
    }

    private void serve(Runnable first) {
        Runnable task = first;
        while (task != null) {
            try {
                task.run();
            } catch (Throwable thrown) {
                // A task tells its own failures; what comes here is a defect, and must not cost a thread.
                Thread.UncaughtExceptionHandler handler = Thread.currentThread().getUncaughtExceptionHandler();
                handler.uncaughtException(Thread.currentThread(), thrown);
            }
            Thread.interrupted(); // of the task's own doing
            task = next();
        }
    }

    /** The next task, or null when the thread is to end. */
    private Runnable next() {
        lock.lock();
        try {
            idle++;
            long left = TimeUnit.SECONDS.toNanos(IDLE_SECONDS);
            while (tasks.isEmpty() && left > 0) {
                left = await(left);
            }
            idle--;
            Runnable task = tasks.poll();
            if (task == null) {
                threads--;
            }
            return task;
        } finally {
            lock.unlock();
        }
    }

    private long await(long nanos) {
        try {
            return work.awaitNanos(nanos);
        } catch (InterruptedException e) {
            return nanos;
        }
    }
}
