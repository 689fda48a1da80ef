/**
 * Models on NVIDIA Triton Inference Server, with OpenAI's JSON.
 */
@SuppressWarnings("requires-automatic") // JNA's jar has a module name, and no module-info.
module io.github.mishikallm {
    requires transitive com.fasterxml.jackson.databind;
    requires com.sun.jna;

    exports io.github.mishikallm;
}
