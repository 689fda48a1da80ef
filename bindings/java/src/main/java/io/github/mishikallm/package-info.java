/**
 * Models on NVIDIA Triton Inference Server, with OpenAI's requests and answers.
 *
 * <p>{@link io.github.mishikallm.Client} calls; {@link io.github.mishikallm.ChatRequest} and its like say what is asked;
 * records such as {@link io.github.mishikallm.ChatCompletion} are what comes back, each with its whole JSON. What fails
 * is a {@link io.github.mishikallm.MishikaException}, what was cancelled a
 * {@link io.github.mishikallm.CancelledException}.
 */
package io.github.mishikallm;
