"""Embeddings of 77 token ids; those whose mask is 0 do not count."""

import numpy as np

import embedding
import serving


class TritonPythonModel(serving.Batched):
    WRITES = False

    def answer(self, request):
        ids = serving.pb_utils.get_input_tensor_by_name(request, "input_ids").as_numpy()
        mask = serving.pb_utils.get_input_tensor_by_name(request, "attention_mask").as_numpy()
        counted = [" ".join(map(str, row[kept != 0])) for row, kept in zip(ids, mask)]
        return [serving.numbers("text_embeds", embedding.embed_all(counted), np.float32)]
