"""Rows of numbers as a user of NVIDIA's client asks for them, as binary tensors.   usage: peer_tritonclient.py rows REQUEST_JSON COUNT"""

import measure
import numpy as np
import tritonclient.http as triton


def rows(request):
    base, _, rest = request["api_base"].partition("/v2/models/")
    model = rest.partition("/")[0]
    client = triton.InferenceServerClient(base.partition("//")[2])
    described = client.get_model_metadata(model)
    name, output = described["inputs"][0]["name"], described["outputs"][0]["name"]

    def call():
        texts = np.array([[text.encode()] for text in request["input"]], dtype=np.object_)
        tensor = triton.InferInput(name, list(texts.shape), "BYTES")
        tensor.set_data_from_numpy(texts)
        answer = client.infer(model, [tensor], outputs=[triton.InferRequestedOutput(output, binary_data=True)])
        made = answer.as_numpy(output)
        assert made.shape[0] == len(request["input"]) and made.dtype == np.float32, made.shape

    return call


measure.main({"rows": rows})
