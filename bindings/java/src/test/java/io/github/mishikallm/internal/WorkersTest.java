package io.github.mishikallm.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class WorkersTest {
    @Test
    void oneThreadDoesWhatComesOneAfterTheOther() throws Exception {
        Workers workers = new Workers("8", 8);
        Set<Thread> threads = ConcurrentHashMap.newKeySet();
        for (int i = 0; i < 50; i++) {
            CountDownLatch done = new CountDownLatch(1);
            workers.execute(() -> {
                threads.add(Thread.currentThread());
                done.countDown();
            });
            done.await();
            Thread.sleep(2);
        }
        assertTrue(threads.size() <= 2, threads.toString());
    }

    @Test
    void thereAreNeverMoreThreadsThanAllowedAndNoMoreTasksWait() throws Exception {
        Workers workers = new Workers("2", 3);
        CountDownLatch hold = new CountDownLatch(1);
        CountDownLatch done = new CountDownLatch(5);
        Set<Thread> threads = ConcurrentHashMap.newKeySet();
        Runnable task = () -> {
            threads.add(Thread.currentThread());
            try {
                hold.await();
            } catch (InterruptedException e) {
                return;
            }
            done.countDown();
        };
        for (int i = 0; i < 5; i++) {
            workers.execute(task);
        }
        String message = assertThrows(RejectedExecutionException.class, () -> workers.execute(task)).getMessage();
        assertTrue(message.contains("mishikallm.threads"), message);
        hold.countDown();
        assertTrue(done.await(5, TimeUnit.SECONDS));
        assertEquals(2, threads.size());
    }

    @Test
    void anInterruptOfOneTaskIsNotTheNexts() throws Exception {
        Workers workers = new Workers("1", 3);
        CountDownLatch done = new CountDownLatch(1);
        workers.execute(() -> Thread.currentThread().interrupt());
        boolean[] interrupted = {true};
        workers.execute(() -> {
            interrupted[0] = Thread.currentThread().isInterrupted();
            done.countDown();
        });
        done.await();
        assertEquals(false, interrupted[0]);
    }

    @Test
    void aNumberOfThreadsThatIsNoneIsRefused() {
        for (String wrong : new String[] {"0", "many", "-1", "", "9999999999"}) {
            String message = assertThrows(IllegalStateException.class, () -> new Workers(wrong, 1).execute(() -> { }))
                    .getMessage();
            assertEquals("the system property mishikallm.threads: expected a number from 1 to 999999, got " + wrong, message);
        }
    }
}
