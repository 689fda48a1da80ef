package io.github.mishikallm.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.io.TempDir;

/** Which library is loaded, how, and what is said where that fails. Each in a process of its own. */
@Timeout(60)
class LibraryTest {
    private static final String SHIP = " 0.1.0 " + "🚢".codePointAt(0);

    @TempDir
    Path folder;

    private String probe(String... options) throws Exception {
        return probe(System.getProperty("java.class.path"), Map.of(), options);
    }

    /** What the probe says, twice the same: a failure is told again as it was told first. */
    private String probe(String classPath, Map<String, String> environment, String... options) throws Exception {
        List<String> command = new ArrayList<>(List.of(System.getProperty("java.home") + "/bin/java",
                "-Djava.io.tmpdir=" + folder, "-Dfile.encoding=ISO-8859-1", "-cp", classPath));
        if (Runtime.version().feature() >= 22) {
            command.add("--enable-native-access=ALL-UNNAMED");
        }
        command.addAll(List.of(options));
        command.add(Probe.class.getName());
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().remove("MISHIKALLM_LIBRARY");
        builder.environment().put("LC_ALL", "C");
        builder.environment().putAll(environment);
        Process process = builder.start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(process.waitFor(30, TimeUnit.SECONDS));
        assertEquals(0, process.exitValue(), said);
        // The machine itself may warn of a folder that is not there, or of a file that is no library.
        String[] lines = said.lines().filter(line -> line.matches("(ffm|jna|UnsatisfiedLinkError:) .*")).toArray(String[]::new);
        assertEquals(2, lines.length, said);
        assertEquals(lines[0], lines[1]);
        return lines[0];
    }

    private Path unpacked() throws Exception {
        Path file = folder.resolve("other.so");
        try (InputStream in = Library.class.getResourceAsStream("/natives/linux-x86_64/libmishikallm.so")) {
            Files.copy(in, file);
        }
        return file;
    }

    private String[] left() {
        return Arrays.stream(folder.toFile().list()).filter(name -> name.startsWith("mishikallm")).toArray(String[]::new);
    }

    @Test
    void theJarsOwnIsLoadedAndNothingIsLeftOfIt() throws Exception {
        String expected = Runtime.version().feature() >= 22 && hasForeign() ? "ffm" : "jna";
        assertEquals(expected + SHIP, probe());
        assertArrayEquals(new String[0], left());
    }

    private static boolean hasForeign() {
        return Library.class.getResource("/META-INF/versions/22/io/github/mishikallm/internal/Ffm.class") != null;
    }

    @Test
    void jnaIsThereOnEveryJava() throws Exception {
        assertEquals("jna" + SHIP, probe("-Dmishikallm.backend=jna"));
        assertArrayEquals(new String[0], left());
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_22)
    @EnabledIfSystemProperty(named = "has.foreign", matches = "true")
    void javaLangForeignNeedsNoJna() throws Exception {
        assertEquals("ffm" + SHIP, probe("-Dmishikallm.backend=ffm"));
        String without = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(jar -> !jar.contains("/jna-")).collect(Collectors.joining(File.pathSeparator));
        assertEquals("ffm" + SHIP, probe(without, Map.of()));
    }

    @Test
    @EnabledForJreRange(max = JRE.JAVA_21)
    void javaLangForeignIsNotThereBefore22() throws Exception {
        String said = probe("-Dmishikallm.backend=ffm");
        assertTrue(said.contains("mishikallm.backend=ffm: it takes Java 22 or later (this is "), said);
    }

    @Test
    void aBackendThatIsNoneIsRefused() throws Exception {
        assertTrue(probe("-Dmishikallm.backend=jni").contains("expected ffm or jna, got jni"));
    }

    @Test
    void anotherLibraryCanBeNamed() throws Exception {
        Path other = unpacked();
        assertTrue(probe("-Dmishikallm.library=" + other).endsWith(SHIP));
        assertTrue(probe(System.getProperty("java.class.path"), Map.of("MISHIKALLM_LIBRARY", other.toString()))
                .endsWith(SHIP));
        assertTrue(Files.exists(other));
        // The property counts before the environment.
        assertTrue(probe(System.getProperty("java.class.path"), Map.of("MISHIKALLM_LIBRARY", "/nowhere.so"),
                "-Dmishikallm.library=" + other).endsWith(SHIP));
    }

    @Test
    void aLibraryThatIsNotThereIsNamed() throws Exception {
        assertEquals("UnsatisfiedLinkError: /nowhere.so: no such file (the system property mishikallm.library names it)",
                probe("-Dmishikallm.library=/nowhere.so"));
        String said = probe(System.getProperty("java.class.path"), Map.of("MISHIKALLM_LIBRARY", "/nowhere.so"));
        assertTrue(said.contains("the environment's MISHIKALLM_LIBRARY names it"), said);
    }

    @Test
    void whatIsNoLibraryIsExplained() throws Exception {
        Path text = Files.writeString(folder.resolve("text.so"), "no library");
        String said = probe("-Dmishikallm.library=" + text);
        assertTrue(said.startsWith("UnsatisfiedLinkError: cannot load " + text), said);
        assertTrue(said.contains("-Dmishikallm.library=PATH"), said);
        // A library, but another one.
        Path zip = Path.of(System.getProperty("java.home"), "lib", "libzip.so");
        said = probe("-Dmishikallm.library=" + zip);
        assertTrue(said.startsWith("UnsatisfiedLinkError: cannot load " + zip) && said.contains("mishikallm_"), said);
    }

    @Test
    void aFolderThatCannotBeWrittenToIsNamed() throws Exception {
        String said = probe("-Djava.io.tmpdir=" + folder.resolve("none"), "-Dmishikallm.backend="
                + (hasForeign() && Runtime.version().feature() >= 22 ? "ffm" : "jna"));
        assertTrue(said.contains("cannot unpack libmishikallm to " + folder.resolve("none")), said);
        assertTrue(said.contains("-Djava.io.tmpdir=FOLDER"), said);
    }

    @Test
    void anotherPlatformIsToldSo() throws Exception {
        String said = probe("-Dos.arch=sparc", "-Dmishikallm.backend=jna");
        assertTrue(said.contains("this jar has no libmishikallm for linux-sparc: build it there"), said);
    }
}
