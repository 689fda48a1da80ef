"""Models on NVIDIA Triton Inference Server, with OpenAI's objects.

    from mishikallm import completion

    answer = completion(model="triton/llama", messages=[{"role": "user", "content": "who are u?"}], api_base="http://localhost:8000")
    print(answer.choices[0].message.content)

completion, text_completion, embedding and invoke have a twin for event loops each: acompletion, atext_completion, aembedding, ainvoke.
A Client has the same as methods, and defaults for all of its requests.
"""

from . import _library, exceptions, results
from ._async import AsyncStream
from ._log import set_log
from ._rows import Rows
from ._sync import Stream
from .client import DEFAULT, Client
from .exceptions import *  # noqa: F403
from .results import *  # noqa: F403

__version__ = "0.1.0"

completion = DEFAULT.completion
acompletion = DEFAULT.acompletion
text_completion = DEFAULT.text_completion
atext_completion = DEFAULT.atext_completion
embedding = DEFAULT.embedding
aembedding = DEFAULT.aembedding
invoke = DEFAULT.invoke
ainvoke = DEFAULT.ainvoke


def library_info() -> results.Record:
    """What the C library is and can do: version, abi, features, operations and limits."""
    return results.reader(results.Record)(_library.info().take())


__all__ = [
    "AsyncStream",
    "Client",
    "Rows",
    "Stream",
    "acompletion",
    "aembedding",
    "ainvoke",
    "atext_completion",
    "completion",
    "embedding",
    "exceptions",
    "invoke",
    "library_info",
    "results",
    "set_log",
    "text_completion",
    *exceptions.__all__,
    *results.__all__,
]
