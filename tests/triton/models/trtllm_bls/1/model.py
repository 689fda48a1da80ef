"""The TensorRT-LLM `tensorrt_llm_bls` with decoupling on; what it does is in trtllm.py.

Each sequence of `num_return_sequences` has responses of its own, told apart by `sequence_index`; each prompt of a batch
likewise by `batch_index`. The last response is followed by an empty one that says it was.
"""

import serving
import trtllm


class TritonPythonModel(serving.Decoupled):

    def answer(self, request, is_cancelled):
        for prompt in trtllm.prompts(request):
            for sequence in range(prompt.given("num_return_sequences", 1)):
                sampling = prompt.sampling._replace(seed=prompt.sampling.seed + sequence)
                pieces = self.write(prompt.text, sampling, self.pace(serving.parameters(request)), is_cancelled)
                if prompt.given("stream"):
                    for piece in pieces:
                        yield list(trtllm.outputs([prompt], [[piece]], sequence=sequence)), False
                else:
                    pieces = list(pieces)
                    text = prompt.text * prompt.echo + "".join(piece.text for piece in pieces)
                    yield list(trtllm.outputs([prompt], [pieces], [text], sequence)), False
