package driver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A program over the public API, as a user would write it; prints a line of JSON for each result. */
final class Driver {
    static final ObjectMapper MAPPER = new ObjectMapper();

    private Driver() {}

    public static void main(String[] args) throws Exception {
        if (args.length == 3 && args[0].equals("conformance")) {
            Conformance.run(read(args[1]).path("cases"), args[2]);
        } else if (args.length == 4 && args[0].equals("calls")) {
            Calls.run(args[1], args[2], Integer.parseInt(args[3]));
        } else {
            System.err.println("usage: driver conformance CASES.json BASE | driver calls KIND REQUEST_JSON COUNT");
            System.exit(2);
        }
        System.exit(0);
    }

    static JsonNode read(String file) throws IOException {
        return MAPPER.readTree(Files.readAllBytes(Path.of(file)));
    }

    static void print(JsonNode line) {
        System.out.println(line);
        System.out.flush();
    }
}
