"""Embeddings, as rows of numbers.   usage: embed.py URL [MODEL]"""

import sys
from math import sqrt

import mishikallm

url, model = sys.argv[1], (sys.argv[2:] or ["minilm"])[0]
try:
    rows = mishikallm.embedding(
        model="triton/" + model,
        api_base=url,
        input=["A ship sails on the sea.", "A boat crosses the water.", "It rains in the mountains."],
        as_rows=True,  # as_numpy=True gives the same as a numpy array
    )
except mishikallm.APIError as error:
    sys.exit(f"{type(error).__name__}: {error}")


def cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b))
    return dot / sqrt(sum(x * x for x in a) * sum(y * y for y in b))


print("%d rows of %d numbers" % rows.shape)
for i, j in (0, 1), (0, 2), (1, 2):
    print(f"{i}-{j} {cosine(rows[i], rows[j]):.3f}")
