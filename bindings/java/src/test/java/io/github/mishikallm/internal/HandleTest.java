package io.github.mishikallm.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class HandleTest {
    @Test
    void itIsFreedOnceWhoeverCloses() throws Exception {
        for (int round = 0; round < 2000; round++) {
            AtomicInteger inside = new AtomicInteger();
            AtomicInteger freed = new AtomicInteger();
            AtomicInteger wrong = new AtomicInteger();
            Handle handle = new Handle(this, 42, address -> { }, address -> {
                if (inside.get() != 0) {
                    wrong.incrementAndGet();
                }
                freed.incrementAndGet();
            });
            CountDownLatch go = new CountDownLatch(1);
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                boolean closes = i == 0;
                Thread thread = new Thread(() -> {
                    try {
                        go.await();
                    } catch (InterruptedException e) {
                        return;
                    }
                    handle.use(address -> {
                        inside.incrementAndGet();
                        if (freed.get() != 0 || address != 42) {
                            wrong.incrementAndGet();
                        }
                        inside.decrementAndGet();
                        return null;
                    }, null);
                    if (closes) {
                        handle.close();
                    }
                });
                threads.add(thread);
                thread.start();
            }
            go.countDown();
            for (Thread thread : threads) {
                thread.join();
            }
            assertEquals(1, freed.get());
            assertEquals(0, wrong.get());
        }
    }

    @Test
    void whoIsInsideKeepsItUntilLeaving() {
        AtomicInteger freed = new AtomicInteger();
        AtomicInteger ended = new AtomicInteger();
        Handle handle = new Handle(this, 1, address -> ended.incrementAndGet(), address -> freed.incrementAndGet());
        assertEquals("used", handle.use(address -> {
            handle.close();
            assertEquals(1, ended.get());
            assertEquals(0, freed.get());
            assertNull(handle.use(again -> "again", null));
            return "used";
        }, null));
        assertEquals(1, freed.get());
        handle.close();
        handle.tell(address -> {
            throw new AssertionError("it was freed");
        });
        assertEquals(1, freed.get());
        assertTrue(handle.isClosed());
    }

    @Test
    void aForgottenOwnerIsClosed() throws Exception {
        CountDownLatch freed = new CountDownLatch(1);
        new Handle(new Object(), 1, address -> { }, address -> freed.countDown());
        while (freed.getCount() > 0) {
            System.gc();
            Thread.sleep(10);
        }
    }
}
