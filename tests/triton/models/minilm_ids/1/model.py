"""all-MiniLM-L6-v2, from token ids to a vector for each token; `minilm` does the rest, too."""

import numpy as np

import bert
import serving


class TritonPythonModel(serving.Batched):
    WRITES = False

    def initialize(self, args):
        super().initialize(args)
        self.bert = bert.Bert(bert.folder())

    def answer(self, request):
        ids, mask, types = (serving.pb_utils.get_input_tensor_by_name(request, name).as_numpy()
                            for name in ("input_ids", "attention_mask", "token_type_ids"))
        return [serving.numbers("last_hidden_state", self.bert.hidden(ids, mask.astype(np.float32), types), np.float32)]
