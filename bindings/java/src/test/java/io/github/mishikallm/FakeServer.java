package io.github.mishikallm;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** A server for what a real one won't do on demand: exact bytes, long silences, faults. */
final class FakeServer implements AutoCloseable {
    /** What is done with a request. */
    interface Answer {
        void to(Exchange exchange) throws Exception;
    }

    /** A request, and the way to answer it. */
    final class Exchange {
        final String path;
        final String body;
        private final Socket socket;
        private final OutputStream out;

        private Exchange(String path, String body, Socket socket) throws IOException {
            this.path = path;
            this.body = body;
            this.socket = socket;
            this.out = socket.getOutputStream();
        }

        void json(int status, String body, String... headers) throws IOException {
            byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
            StringBuilder head = new StringBuilder("HTTP/1.1 " + status + " x\r\ncontent-type: application/json\r\n");
            for (String header : headers) {
                head.append(header).append("\r\n");
            }
            head.append("content-length: ").append(bytes.length).append("\r\n\r\n");
            out.write(head.toString().getBytes(StandardCharsets.UTF_8));
            out.write(bytes);
            out.flush();
        }

        void text(String text) throws IOException {
            json(200, "{\"text_output\":\"" + text + "\"}");
        }

        void begin() throws IOException {
            out.write(("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
                    .getBytes(StandardCharsets.UTF_8));
            out.flush();
        }

        void event(String text) throws IOException {
            byte[] bytes = ("data: {\"text_output\":\"" + text + "\"}\n\n").getBytes(StandardCharsets.UTF_8);
            out.write((Integer.toHexString(bytes.length) + "\r\n").getBytes(StandardCharsets.UTF_8));
            out.write(bytes);
            out.write("\r\n".getBytes(StandardCharsets.UTF_8));
            out.flush();
        }

        void end() throws IOException {
            out.write("0\r\n\r\n".getBytes(StandardCharsets.UTF_8));
            out.flush();
        }

        void cut() throws IOException {
            socket.close();
        }

        /** Says nothing until the client has gone. */
        void silence() throws IOException {
            waiting.incrementAndGet();
            while (socket.getInputStream().read() >= 0) {
                // The client says nothing either.
            }
        }
    }

    private final ServerSocket listener;
    private final Answer answer;
    private final CountDownLatch gone;
    final AtomicInteger waiting = new AtomicInteger();
    final AtomicInteger requests = new AtomicInteger();

    FakeServer(Answer answer) throws IOException {
        this(1, answer);
    }

    /** {@code leavers} is how many clients are to leave before {@link #awaitGone()} returns. */
    FakeServer(int leavers, Answer answer) throws IOException {
        this.answer = answer;
        this.gone = new CountDownLatch(leavers);
        listener = new ServerSocket(0, 1000, InetAddress.getLoopbackAddress());
        daemon(this::accept);
    }

    String url() {
        return "http://127.0.0.1:" + listener.getLocalPort();
    }

    /** An endpoint that is asked without a look-up of the model first. */
    String generate() {
        return url() + "/generate";
    }

    /** Waits until clients have hung up; the caller's time-out bounds it. */
    void awaitGone() throws InterruptedException {
        if (!gone.await(10, TimeUnit.SECONDS)) {
            throw new AssertionError("a client is still there");
        }
    }

    /** Waits until so many requests are met with silence. */
    void awaitWaiting(int count) throws InterruptedException {
        for (long end = System.nanoTime() + 20_000_000_000L; waiting.get() < count; Thread.sleep(5)) {
            if (System.nanoTime() > end) {
                throw new AssertionError("only " + waiting.get() + " of " + count + " calls have come");
            }
        }
    }

    private static void daemon(Runnable work) {
        Thread thread = new Thread(null, work, "fake-server", 256 << 10);
        thread.setDaemon(true);
        thread.start();
    }

    private void accept() {
        while (true) {
            try {
                Socket socket = listener.accept();
                daemon(() -> serve(socket));
            } catch (IOException closed) {
                return;
            }
        }
    }

    private void serve(Socket socket) {
        try (socket) {
            InputStream in = socket.getInputStream();
            for (Exchange exchange = read(in, socket); exchange != null; exchange = read(in, socket)) {
                requests.incrementAndGet();
                answer.to(exchange);
            }
        } catch (IOException hungUp) {
            // As good as an end.
        } catch (Exception e) {
            throw new IllegalStateException(e);
        } finally {
            gone.countDown();
        }
    }

    private Exchange read(InputStream in, Socket socket) throws IOException {
        ByteArrayOutputStream head = new ByteArrayOutputStream();
        while (!head.toString(StandardCharsets.ISO_8859_1).endsWith("\r\n\r\n")) {
            int octet = in.read();
            if (octet < 0) {
                return null;
            }
            head.write(octet);
        }
        String text = head.toString(StandardCharsets.ISO_8859_1);
        int length = 0;
        for (String line : text.split("\r\n")) {
            if (line.toLowerCase().startsWith("content-length:")) {
                length = Integer.parseInt(line.substring(15).trim());
            }
        }
        String body = new String(in.readNBytes(length), StandardCharsets.UTF_8);
        return new Exchange(text.split(" ")[1], body, socket);
    }

    @Override
    public void close() throws IOException {
        listener.close();
    }
}
