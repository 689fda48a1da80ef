package driver;

import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A program over the public API, as a user would write it; prints a line of JSON for each result. */
final class Driver {
    /** Writes ASCII, whatever the encoding of stdout, and whatever its reader takes for the end of a line. */
    static final ObjectMapper MAPPER = JsonMapper.builder().enable(JsonWriteFeature.ESCAPE_NON_ASCII).build();

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

    static void print(JsonNode line) throws IOException {
        System.out.println(MAPPER.writeValueAsString(line));
        System.out.flush();
    }
}
