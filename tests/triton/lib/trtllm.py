"""What the two shapes of the TensorRT-LLM backend's text models share, after that backend's documentation and source.

Greedy unless `top_k` or `top_p` is given, and always the same seed unless one is given. The prompt comes back before
the text unless `exclude_input_in_output` is true or the answer is streamed. A stop word stays in the text. Outputs that
nobody asked for come too, as zeros.
"""

import numpy as np

import guided
import serving
from language import Sampling, tokens


def rows(request, name):
    """One list of values for each prompt of the batch; none at all for an input that was not sent."""
    tensor = serving.pb_utils.get_input_tensor_by_name(request, name)
    if tensor is None:
        return None
    return [[value.decode("utf-8") if isinstance(value, bytes) else value for value in row]
            for row in tensor.as_numpy().reshape(tensor.shape()[0], -1).tolist()]


class Prompt:
    """One row of a batch."""

    def __init__(self, request, at):
        self.at = at
        self.request = request
        self.text = self.given("text_input")
        self.echo = not self.given("exclude_input_in_output", False)
        top_k, top_p = self.given("top_k", 0), self.given("top_p", 0.0)
        self.sampling = Sampling(
            max_tokens=self.given("max_tokens"), min_tokens=self.given("min_tokens", 0),
            temperature=self.given("temperature", 1.0) if top_k or top_p else 0.0, top_k=top_k, top_p=top_p or 1.0,
            seed=self.given("seed", 0), stop=self.all("stop_words"), keep_stop=True, bad_words=self.all("bad_words"),
            guide=guided.of_trtllm(self.given("guided_decoding_guide_type"), self.given("guided_decoding_guide")))
        self.sampling.check()
        if self.given("beam_width", 1) != 1:
            raise ValueError("beam_width must be 1, as the engine was built for.")

    def given(self, name, default=None):
        found = self.all(name)
        return found[0] if found else default

    def all(self, name):
        found = rows(self.request, name)
        return found[self.at] if found else []


def prompts(request):
    return [Prompt(request, at) for at in range(len(rows(request, "text_input")))]


def outputs(prompts, pieces, text=None, sequence=0):
    """The tensors of one response: `pieces` is what is new for each prompt, `text` its text if that is not the same."""
    count = len(prompts)
    longest = max(map(len, pieces))
    log_probs = [[piece.logprob for piece in new] + [0.0] * (longest - len(new)) if prompt.given("return_log_probs")
                 else [0.0] * longest for prompt, new in zip(prompts, pieces)]
    text = text or ["".join(piece.text for piece in new) for new in pieces]
    yield serving.texts("text_output", text, (count, 1))
    yield serving.numbers("cum_log_probs", [[sum(row)] for row in log_probs], np.float32)
    yield serving.numbers("output_log_probs", [[row] for row in log_probs], np.float32)
    yield serving.numbers("context_logits", np.zeros((count, 1, 1)), np.float32)
    yield serving.numbers("generation_logits", np.zeros((count, 1, 1, 1)), np.float32)
    yield serving.numbers("batch_index", [[prompt.at] for prompt in prompts], np.int32)
    yield serving.numbers("sequence_index", [[sequence]] * count, np.int32)
    if prompts[0].given("return_num_input_tokens"):
        yield serving.numbers("num_input_tokens", [[len(tokens(prompt.text))] for prompt in prompts], np.int32)
    if prompts[0].given("return_num_output_tokens"):
        yield serving.numbers("num_output_tokens", [[len(new)] for new in pieces], np.int32)
