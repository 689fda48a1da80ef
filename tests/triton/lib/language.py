"""A language model small enough to be trained while it loads.

It is an n-gram model over words: it looks up what followed the last three words in its corpus, in the light of what
the prompt is about. It knows nothing, but it has what a client of a real one meets: tokens with their spaces,
probabilities, temperature and seeds, stop words that span tokens, an end of text, a limit.
"""

import math
import random
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Dict, NamedTuple, Optional, Sequence

CORPUS = Path(__file__).resolve().parent.parent / "models" / "tiny_llm" / "1" / "corpus.txt"

START = "<start>"
END = ""  # the end-of-text token, which has no text


def tokens(text):
    """Words and runs of punctuation, each with the white space before it: joined, they are the text again."""
    return re.findall(r"\s*(?:\w+|[^\w\s]+)|\s+$", text)


def words(text):
    return {word for word in re.findall(r"\w+", text.lower())}


def form(token):
    """What a token is in a context, where case and white space do not matter."""
    return token.strip().lower()


class Sampling(NamedTuple):
    """How to write one continuation. The defaults are the plainest: greedy, and no longer than a paragraph."""

    max_tokens: int = 64
    min_tokens: int = 0
    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    seed: Optional[int] = None
    stop: Sequence[str] = ()
    keep_stop: bool = False  # TensorRT-LLM leaves the stop word in the text, vLLM takes it out
    bad_words: Sequence[str] = ()
    ignore_eos: bool = False
    guide: Optional[str] = None  # a guided engine writes just this

    def check(self):
        """Says what is wrong in the words a server would use."""
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens must be at least 1, got {self.max_tokens}.")
        if not self.temperature >= 0:
            raise ValueError(f"temperature must be non-negative, got {self.temperature}.")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be in (0, 1], got {self.top_p}.")
        return self


class Piece(NamedTuple):
    """What one step of generation brought."""

    text: str  # may be empty, while a stop word may be on its way
    finish_reason: Optional[str]  # None while the model is still writing, then "stop" or "length"
    token: str
    logprob: float
    logprobs: Dict[str, float]  # of every token that could have come, the likeliest first
    stop_reason: Optional[str] = None  # the stop word that was met


class LanguageModel:
    """Learns how paragraphs answer their first lines. Paragraphs are separated by empty lines."""

    ORDER = 5
    # What a context one word shorter counts when sampling. Greedy generation keeps to the longest known context.
    BACKOFF = 1 / 8

    def __init__(self, corpus):
        self.next = defaultdict(list)  # context -> (token, paragraph) as often as it was seen
        self.ids = {END: 0}
        self.paragraph_words = []
        for index, paragraph in enumerate(corpus.strip().split("\n\n")):
            question, newline, answer = paragraph.partition("\n")
            self.paragraph_words.append(words(paragraph))
            asked = tokens(question)
            self.learn(asked + tokens(newline + answer) + [END], len(asked), index)
            self.learn([START] + tokens(answer)[:self.ORDER], 1, index, only_with=START)
        seen_in = Counter(word for known in self.paragraph_words for word in known)
        self.rarity = {word: math.log(len(self.paragraph_words) / n) for word, n in seen_in.items()}

    def learn(self, text, begin, paragraph, only_with=None):
        """Questions are context only (`begin` is where the answer begins): the model is not to ask any itself."""
        forms = [form(token) for token in text]
        for at, token in enumerate(text[begin:], begin):
            self.ids.setdefault(token, len(self.ids))
            for length in range(1, min(at, self.ORDER - 1) + 1):
                context = tuple(forms[at - length:at])
                if only_with is None or only_with in context:
                    self.next[context].append((token, paragraph))

    def relevance(self, prompt):
        """How much each paragraph has to do with the prompt, whose end counts: a conversation's last question."""
        asked = Counter()
        for distance, word in enumerate(reversed(re.findall(r"\w+", prompt.lower())[-60:])):
            asked[word] = max(asked[word], 1 / (1 + distance / 10))
        return [1 + 20 * sum(self.rarity[word] * asked[word] for word in known & asked.keys()) ** 2
                for known in self.paragraph_words]

    def candidates(self, forms, relevance, backoff, allowed=lambda token: True):
        """Every token that may follow, with its weight."""
        weights = Counter()
        share = 1.0
        for length in range(len(forms), 0, -1):
            for token, paragraph in self.next.get(tuple(forms[-length:]), ()):
                if allowed(token):
                    weights[token] += share * relevance[paragraph]
            if weights:
                share *= backoff
            if not share:
                break
        return weights

    def recite(self, sampling):
        """A text that is given, four characters a token."""
        parts = [sampling.guide[at:at + 4] for at in range(0, len(sampling.guide), 4)][:sampling.max_tokens]
        for at, part in enumerate(parts, 1):
            self.ids.setdefault(part, len(self.ids))
            whole = sum(map(len, parts)) == len(sampling.guide)
            reason = None if at < len(parts) else "stop" if whole else "length"
            # What the guide rules out is impossible; Python's JSON says -Infinity.
            yield Piece(part, reason, part, 0.0, {part: 0.0, END: -math.inf}, None)

    def generate(self, prompt, sampling):
        """Yields one Piece per token; the last one has a finish_reason."""
        sampling.check()
        if sampling.guide is not None:
            yield from self.recite(sampling)
            return
        dice = random.Random(sampling.seed)
        relevance = self.relevance(prompt)
        stops = [stop for stop in sampling.stop if stop]
        banned = {form(word) for word in sampling.bad_words if form(word)}
        # Text that may yet turn out to be the beginning of a stop word is held back.
        hold = max((len(stop) for stop in stops), default=1) - 1
        backoff = self.BACKOFF if sampling.temperature else 0.0
        longest = self.ORDER - 1
        forms = [form(token) for token in tokens(prompt)][-longest:]
        if tuple(forms[-2:]) not in self.next:  # the end of a chat template, say
            forms = []
        written, sent, reason, stopped = "", 0, None, None
        for count in range(1, sampling.max_tokens + 1):
            may_end = count > max(1, sampling.min_tokens) and not sampling.ignore_eos
            weights = self.candidates(forms, relevance, backoff, lambda token: (
                may_end if token == END else form(token) not in banned))
            beginning = not weights
            if beginning:  # nothing is known to follow: a new paragraph
                forms = [START]
                weights = self.candidates(forms, relevance, backoff)
            token, probabilities = choose(weights, sampling, dice)
            forms = (forms + [form(token)])[-longest:]
            if token == END:
                reason = "stop"
            elif beginning and written:
                written += "\n\n" + token.lstrip()
            elif beginning and prompt and not prompt[-1].isspace():
                written += " " + token.lstrip()
            else:
                written += token.lstrip() if not written and prompt[-1:].isspace() else token
            first = min((at, stop) for at, stop in [(written.find(stop), stop) for stop in stops] + [(math.inf, "")]
                        if at >= 0)
            if first[1]:
                reason, stopped = "stop", first[1]
                written = written[:first[0] + (len(stopped) if sampling.keep_stop else 0)]
            elif count == sampling.max_tokens:
                reason = reason or "length"
            upto = len(written) if reason or sampling.keep_stop else max(sent, len(written) - hold)
            yield Piece(written[sent:upto], reason, token, math.log(probabilities[token]),
                        {token: math.log(p) for token, p in probabilities.items()}, stopped)
            sent = upto
            if reason:
                return


def choose(weights, sampling, dice):
    """A token, and the probabilities of all of them, the likeliest first and of equals the first seen."""
    ranked = sorted(weights.items(), key=lambda item: -item[1])
    total = sum(weights.values())
    probabilities = {token: weight / total for token, weight in ranked}
    if sampling.temperature == 0 or sampling.top_k == 1:
        return ranked[0][0], probabilities
    if sampling.top_k > 0:
        ranked = ranked[:sampling.top_k]
    heat = [math.exp(math.log(weight / ranked[0][1]) / sampling.temperature) for _, weight in ranked]
    kept, mass = [], 0.0
    for weight in heat:
        if mass >= sampling.top_p * sum(heat):
            break
        kept.append(weight)
        mass += weight
    return dice.choices([token for token, _ in ranked[:len(kept)]], kept)[0], probabilities


def load():
    return LanguageModel(CORPUS.read_text(encoding="utf-8"))
