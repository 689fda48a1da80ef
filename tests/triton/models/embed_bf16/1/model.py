"""Embeddings in bfloat16. numpy has no such type, so the tensor goes to Triton by DLPack, built by hand."""

import ctypes

import numpy as np

import embedding
import serving


class DLTensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32),
                ("ndim", ctypes.c_int32), ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8),
                ("lanes", ctypes.c_uint16), ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("strides", ctypes.POINTER(ctypes.c_int64)), ("byte_offset", ctypes.c_uint64)]


class DLManagedTensor(ctypes.Structure):
    pass


Deleter = ctypes.CFUNCTYPE(None, ctypes.POINTER(DLManagedTensor))
DLManagedTensor._fields_ = [("tensor", DLTensor), ("context", ctypes.c_void_p), ("deleter", Deleter)]

CPU, BFLOAT = 1, 4  # kDLCPU, kDLBfloat

new_capsule = ctypes.pythonapi.PyCapsule_New
new_capsule.restype = ctypes.py_object
new_capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]

in_use = {}  # address of a DLManagedTensor -> what owns its memory, until Triton calls the deleter


@Deleter
def forget(managed):
    in_use.pop(ctypes.addressof(managed.contents), None)


class BFloat16:
    """An array that DLPack can read as bfloat16: the upper halves of its 32-bit floats, rounded to even."""

    def __init__(self, array):
        bits = np.ascontiguousarray(array, dtype=np.float32).view(np.uint32)
        self.halves = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
        self.shape = (ctypes.c_int64 * array.ndim)(*array.shape)
        self.managed = DLManagedTensor(DLTensor(self.halves.ctypes.data, CPU, 0, array.ndim, BFLOAT, 16, 1,
                                                self.shape, None, 0), None, forget)

    def __dlpack__(self, stream=None):
        address = ctypes.addressof(self.managed)
        in_use[address] = self
        return new_capsule(address, b"dltensor", None)

    def __dlpack_device__(self):
        return CPU, 0


class TritonPythonModel(serving.Batched):
    WRITES = False

    def answer(self, request):
        vectors = embedding.embed_all(serving.values(request, "input_text"))
        return [serving.pb_utils.Tensor.from_dlpack("embedding", BFloat16(vectors))]
