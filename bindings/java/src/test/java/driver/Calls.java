package driver;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.management.OperatingSystemMXBean;
import io.github.mishikallm.CancelledException;
import io.github.mishikallm.ChatChunk;
import io.github.mishikallm.ChatCompletion;
import io.github.mishikallm.ChatRequest;
import io.github.mishikallm.ChatStream;
import io.github.mishikallm.Client;
import io.github.mishikallm.EmbeddingRequest;
import io.github.mishikallm.Embeddings;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/** Many calls, one after the other: what they cost, and whether memory stays. */
final class Calls {
    private static final int PARTS = 10;
    private static final int PAGE_KB = 4;

    private interface One {
        void call() throws Exception;
    }

    private Calls() {}

    static void run(String kind, String json, int count) throws Exception {
        One one = one(kind, json);
        one.call();
        OperatingSystemMXBean process =
                (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        ObjectNode line = Driver.MAPPER.createObjectNode().put("kind", kind).put("calls", count);
        ArrayNode rss = Driver.MAPPER.createArrayNode();
        long wall = 0;
        long cpu = 0;
        for (int part = 0; part < PARTS; part++) {
            // What looking at the memory takes is not the calls'.
            long wallBefore = System.nanoTime();
            long cpuBefore = process.getProcessCpuTime();
            int end = (int) ((long) count * (part + 1) / PARTS);
            for (int i = (int) ((long) count * part / PARTS); i < end; i++) {
                one.call();
            }
            wall += System.nanoTime() - wallBefore;
            cpu += process.getProcessCpuTime() - cpuBefore;
            System.gc();
            rss.add(residentKb());
        }
        line.put("wall_us", wall / 1000).put("cpu_us", cpu / 1000).set("rss_kb", rss);
        line.put("backend", io.github.mishikallm.MishikaLLM.backend());
        Driver.print(line);
    }

    private static One one(String kind, String json) {
        Client client = Client.standard();
        switch (kind) {
            case "chat": {
                ChatRequest request = ChatRequest.of(json);
                return () -> check(client.completion(request));
            }
            case "async": {
                ChatRequest request = ChatRequest.of(json);
                return () -> check(client.completionAsync(request).get());
            }
            case "rows": {
                EmbeddingRequest request = EmbeddingRequest.of(json);
                int inputs = request.json().path("input").isArray() ? request.json().path("input").size() : 1;
                return () -> check(client.embeddingRows(request), inputs);
            }
            case "stream": {
                ChatRequest request = ChatRequest.of(json);
                return () -> readAll(client.stream(request));
            }
            case "cancel": {
                ChatRequest request = ChatRequest.of(json);
                return () -> cancel(client.stream(request));
            }
            default:
                throw new IllegalArgumentException("KIND: expected chat, rows, stream, cancel or async, got " + kind);
        }
    }

    private static void check(ChatCompletion answer) {
        if (answer.content().isEmpty() || answer.finishReason() == null) {
            throw new IllegalStateException("a wrong answer: " + answer.json());
        }
    }

    private static void check(Embeddings answer, int inputs) {
        float[][] rows = answer.rows();
        if (rows.length != inputs || rows[0].length == 0 || rows[0].length != rows[inputs - 1].length) {
            throw new IllegalStateException("wrong rows: " + rows.length + " of " + inputs);
        }
    }

    private static void readAll(ChatStream opened) {
        int texts = 0;
        String finishReason = null;
        try (ChatStream stream = opened) {
            for (ChatChunk chunk : stream) {
                texts += chunk.content().isEmpty() ? 0 : 1;
                finishReason = chunk.finishReason() == null ? finishReason : chunk.finishReason();
            }
        }
        if (texts == 0 || finishReason == null) {
            throw new IllegalStateException("a wrong stream: " + texts + " texts, " + finishReason);
        }
    }

    private static void cancel(ChatStream opened) {
        try (ChatStream stream = opened) {
            stream.next();
            stream.cancel();
            while (stream.hasNext()) {
                stream.next();
            }
        } catch (CancelledException expected) {
            return;
        }
        throw new IllegalStateException("the stream went on to its end");
    }

    private static long residentKb() throws IOException {
        return Long.parseLong(Files.readString(Path.of("/proc/self/statm")).split(" ")[1]) * PAGE_KB;
    }
}
