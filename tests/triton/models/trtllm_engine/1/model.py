"""The one step of `trtllm_ensemble`; what it does is in trtllm.py."""

import serving
import trtllm


class TritonPythonModel(serving.Batched):

    def answer(self, request):
        prompts = trtllm.prompts(request)
        for prompt in prompts:
            if prompt.given("stream"):
                raise ValueError("Streaming is only supported if model is deployed using decoupled mode.")
            if prompt.given("num_return_sequences", 1) != 1:
                raise ValueError("num_return_sequences must be 1 in this test model.")
        answers = [self.complete(request, prompt.text, prompt.sampling) for prompt in prompts]
        return list(trtllm.outputs(prompts, [pieces for _, pieces in answers],
                                   [prompt.text * prompt.echo + text for prompt, (text, _) in zip(prompts, answers)]))
