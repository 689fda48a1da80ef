"""Models that give every tensor back as it came: `in_x` is `out_x`. The request's parameter `say_error` makes them fail."""

import triton_python_backend_utils as pb_utils

import serving


def same(tensor):
    name = "out_" + tensor.name().removeprefix("in_")
    try:
        array = tensor.as_numpy()
    except pb_utils.TritonModelException:
        array = None
    if array is None:  # numpy has no bfloat16
        return pb_utils.Tensor.from_dlpack(name, tensor.to_dlpack())
    return pb_utils.Tensor(name, array)


class Identity:
    """For `class TritonPythonModel(Identity)`."""

    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        error = serving.parameters(request).get("say_error")
        if error is not None:
            return serving.failure(error)
        return pb_utils.InferenceResponse(output_tensors=[same(tensor) for tensor in request.inputs()])
