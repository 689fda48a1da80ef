"""Embeddings that mean nothing but are always the same for the same text, and of length 1."""

import hashlib

import numpy as np

DIMENSIONS = 16


def embed(text, dimensions=DIMENSIONS):
    digest = hashlib.blake2b(text.encode("utf-8"), digest_size=2 * dimensions).digest()
    vector = np.frombuffer(digest, dtype="<i2").astype(np.float32)
    return vector / np.linalg.norm(vector)


def embed_all(strings, dimensions=DIMENSIONS):
    return np.array([embed(text, dimensions) for text in strings], dtype=np.float32).reshape(-1, dimensions)
