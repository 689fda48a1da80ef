"""A text model that takes batches; `max_tokens` is each text's own."""

import serving
from language import Sampling


class TritonPythonModel(serving.Batched):

    def answer(self, request):
        serving.required(request, "text_input")
        prompts = serving.values(request, "text_input")
        limits = serving.values(request, "max_tokens") or [64] * len(prompts)
        answers = [self.complete(request, prompt, Sampling(max_tokens=limit))[0]
                   for prompt, limit in zip(prompts, limits)]
        return [serving.texts("text_output", answers, (len(prompts), 1))]
