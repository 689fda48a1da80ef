"""Embeddings of token ids. Ids whose mask is 0 do not count, so padding changes nothing."""

import numpy as np

import embedding
import serving


class TritonPythonModel(serving.Batched):
    WRITES = False

    def answer(self, request):
        ids = serving.pb_utils.get_input_tensor_by_name(request, "input_ids").as_numpy()
        mask = serving.pb_utils.get_input_tensor_by_name(request, "attention_mask")
        mask = np.ones_like(ids) if mask is None else mask.as_numpy()
        if mask.shape != ids.shape:
            raise ValueError(f"attention_mask has shape {list(mask.shape)}, input_ids {list(ids.shape)}")
        counted = [" ".join(map(str, row[kept != 0])) for row, kept in zip(ids, mask)]
        return [serving.numbers("embedding", embedding.embed_all(counted), np.float32)]
