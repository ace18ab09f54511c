"""T6's serving engine in Python: the same models, caches and texts as the program `t6`, without Torch.

    model = t6.Model.load("model.gguf")
    print(model.generate("Once upon a time", max_tokens=100, temperature=0))

The engine is compiled (t6._engine); while it computes, other Python threads run. Ctrl-C ends a generation between two
steps as KeyboardInterrupt. What the engine refuses is a t6.Error with the engine's own message.
"""

from __future__ import annotations

import dataclasses
import json
import os
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, overload

try:
    import t6._engine as _engine
except ImportError as error:
    if error.name != "t6._engine":
        raise
    raise ImportError("t6 is here without its compiled engine: install the wheel, or build with -DT6_PYTHON=ON") from error

if TYPE_CHECKING:
    import numpy
    from typing_extensions import Unpack

Error = _engine.Error
Error.__module__ = "t6"
Error.__doc__ = "What the engine refuses, a ValueError. Its message names what was found and what was wanted."
CACHE_TYPES: list[str] = _engine.cache_types()


class Options(TypedDict, total=False):
    """How a text is written. What is not given, or None, is as the model's own settings have it, else as said here."""

    max_tokens: int  # 200
    min_tokens: int  # 0; before so many tokens the text does not end
    stop: str | list[str]  # the text ends before the first of these
    stop_tokens: list[int]  # as it does at the model's own ends
    ignore_eos: bool  # False; True: the model's own ends are tokens like any other
    temperature: float  # 0.8; 0: always the likeliest token
    top_k: int  # 0: all
    top_p: float  # 1
    min_p: float  # 0
    typical_p: float  # 1
    repetition_penalty: float  # 1
    presence_penalty: float  # 0
    frequency_penalty: float  # 0
    penalty_window: int  # 64; of how many tokens the penalties are
    logit_bias: dict[int, float]  # added to the logits of these ids
    seed: int  # 0; the same seed gives the same text, as in `t6 generate --seed`
    log_probabilities: int  # of so many likeliest tokens at each token; 0: none


@dataclasses.dataclass
class Generation:
    """A text that a model wrote. All figures are measured."""

    text: str
    tokens: list[int]  # without the one that ended the text
    stop_reason: str  # "max tokens", "end of text", "stop string", "context full" or "interrupted"
    stop: str | None  # the stop string that was found
    prompt_tokens: int  # that were read; those in the cache are not
    prompt_tokens_per_second: float
    decode_tokens_per_second: float
    cache_bytes: int
    # Natural logarithms, where `log_probabilities` was asked for: of each token, and (id, logarithm) of the likeliest.
    log_probabilities: list[float]
    likeliest: list[list[tuple[int, float]]]

    def __str__(self) -> str:
        return self.text


class Stream(Iterator[str]):
    """A text as it is written: an iterator of pieces, whole characters each. `result` is what there is so far."""

    def __init__(self, sequence: _engine.Sequence, strips_space: bool):
        self._sequence = sequence
        self._strips_space = strips_space
        self._begins = strips_space

    def __next__(self) -> str:
        while (piece := self._sequence.next()) is not None:
            if self._begins:
                piece = piece.removeprefix(" ")
            self._begins = False
            if piece:
                return piece
        raise StopIteration

    @property
    def result(self) -> Generation:
        return _generation(self._sequence, self._strips_space)

    def close(self) -> None:
        """Ends the text here."""
        self._sequence.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _generation(sequence: _engine.Sequence, strips_space: bool) -> Generation:
    generation = Generation(**sequence.result)
    if strips_space:
        generation.text = generation.text.removeprefix(" ")
    return generation


class Session:
    """One sequence of tokens and its cache: a model reads what is new and writes on. For one thread at a time."""

    def __init__(self, model: Model):
        self._model = model
        self._sequence = _engine.Sequence(model._model)

    @property
    def tokens(self) -> list[int]:
        """Tokens that the model has read, and those that it will read first."""
        return self._sequence.tokens

    @property
    def cached(self) -> int:
        """How many of them are in the cache."""
        return self._sequence.cached

    def append(self, text: str | Sequence[int]) -> None:
        """Adds a text or tokens, to be read when the model writes on."""
        self._sequence.append(self._model._tokens(text))

    def truncate(self, size: int) -> None:
        """Forgets the tokens from `size` on."""
        self._sequence.truncate(size)

    def generate(self, **options: Unpack[Options]) -> Generation:
        """Writes on. What is written is among `tokens` afterwards; after KeyboardInterrupt, what was written so far."""
        self._sequence.begin(options)
        _engine.run_all([self._sequence])
        return _generation(self._sequence, False)

    def stream(self, **options: Unpack[Options]) -> Stream:
        """The same, piece by piece. The session waits until the stream has ended or is closed."""
        self._sequence.begin(options)
        return Stream(self._sequence, False)

    def chat(self, messages: list[dict[str, Any]], *, template: str | None = None,
             variables: dict[str, Any] | None = None, control_tokens: bool = False,
             **options: Unpack[Options]) -> Generation:
        """As Model.chat; what the session has read already of the conversation is not read again."""
        stream = self.stream_chat(messages, template=template, variables=variables, control_tokens=control_tokens,
                                  **options)
        _engine.run_all([self._sequence])
        return stream.result

    def stream_chat(self, messages: list[dict[str, Any]], *, template: str | None = None,
                    variables: dict[str, Any] | None = None, control_tokens: bool = False,
                    **options: Unpack[Options]) -> Stream:
        """The same, piece by piece."""
        tokens, stop_tokens, stop = self._model._model.chat_prompt(
            json.dumps(messages, allow_nan=False), json.dumps(variables or {}, allow_nan=False), template or "",
            control_tokens)
        held = self.tokens
        same = next((i for i, (a, b) in enumerate(zip(held, tokens)) if a != b), min(len(held), len(tokens)))
        self.truncate(same)
        self._sequence.append(tokens[same:])
        given = options.get("stop") or []
        options["stop"] = [given, *stop] if isinstance(given, str) else [*given, *stop]
        options["stop_tokens"] = [*(options.get("stop_tokens") or []), *stop_tokens]
        self._sequence.begin(options)
        return Stream(self._sequence, self._model._model.strips_space)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes tokens and cache into a file, in place of one of that name; what is unread is read first."""
        self._sequence.save(path)

    def load(self, path: str | os.PathLike[str]) -> None:
        """Takes tokens and cache from such a file, of the same model and type of cache."""
        self._sequence.load(path)


class Model:
    """A model that is ready to run. Several threads may use it at once; its steps run one after another."""

    def __init__(self, model: _engine.Model):
        self._model = model

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, threads: int | None = None, cache_type: str = "float16",
             cache_memory: int | None = None, context: int = 0) -> Model:
        """Loads a model folder, a run's folder, a GGUF file or a folder of Hugging Face's.

        `threads`: as many as there are processors unless given. `cache_type`: one of CACHE_TYPES; float16 is the
        program's, float32 the most exact. `cache_memory`: bytes that all its caches together may take. `context`:
        tokens that a cache may hold; 0: the model's context. What the files say and the engine passes over is told as
        warnings.
        """
        model = _engine.Model(path, threads, cache_type, cache_memory, context)
        for note in model.notes:
            warnings.warn(note, stacklevel=2)
        return cls(model)

    @property
    def info(self) -> dict[str, Any]:
        """Kind, parameters, bytes of weights and of a cached token, ..., and `config`, as in the model's config.json."""
        return json.loads(self._model.info)

    def tokenize(self, text: str) -> list[int]:
        """The ids of a text from its beginning, with what the model wants to see before it."""
        return self._model.tokenize(text)

    def detokenize(self, tokens: Sequence[int], *, skip_special: bool = False) -> str:
        """The text of ids; bytes that are no characters become U+FFFD."""
        return self._model.detokenize(list(tokens), skip_special)

    def session(self) -> Session:
        """A new, empty sequence."""
        return Session(self)

    @overload
    def generate(self, prompt: str | list[int], **options: Unpack[Options]) -> Generation: ...

    @overload
    def generate(self, prompt: list[str] | list[list[int]], **options: Unpack[Options]) -> list[Generation]: ...

    def generate(self, prompt, **options):
        """Continues a text or tokens. Of a list of texts, or of lists of tokens, all run together, a token of each in
        every step, and each is continued as it would be alone."""
        prompts, is_batch = _as_batch(prompt)
        sessions = [self._begin(each, options) for each in prompts]
        _engine.run_all([session._sequence for session in sessions])
        generations = [_generation(session._sequence, False) for session in sessions]
        return generations if is_batch else generations[0]

    def stream(self, prompt: str | Sequence[int], **options: Unpack[Options]) -> Stream:
        """Continues a text or tokens, piece by piece."""
        return Stream(self._begin(prompt, options)._sequence, False)

    def chat(self, messages: list[dict[str, Any]], *, template: str | None = None,
             variables: dict[str, Any] | None = None, control_tokens: bool = False,
             **options: Unpack[Options]) -> Generation:
        """Answers a conversation, [{"role": "user", "content": "Hello"}, ...].

        `template`: a built-in template's name or a file with one, in place of the model's own. `variables`: for the
        template, as {"enable_thinking": False} or {"tools": [...]}. `control_tokens`: names of control tokens in what
        others than the assistant say count as those tokens; else they are text.
        """
        return self.session().chat(messages, template=template, variables=variables, control_tokens=control_tokens,
                                   **options)

    def stream_chat(self, messages: list[dict[str, Any]], *, template: str | None = None,
                    variables: dict[str, Any] | None = None, control_tokens: bool = False,
                    **options: Unpack[Options]) -> Stream:
        """The same, piece by piece."""
        return self.session().stream_chat(messages, template=template, variables=variables,
                                          control_tokens=control_tokens, **options)

    @overload
    def score(self, text: str | list[int]) -> numpy.ndarray: ...

    @overload
    def score(self, text: list[str] | list[list[int]]) -> list[numpy.ndarray]: ...

    def score(self, text):
        """Natural logarithms of the probabilities of a text's tokens, each given those before it: float64 [T - 1] for
        T tokens, since nothing comes before the first. Of a list, an array each, read together."""
        texts, is_batch = _as_batch(text)
        scores = _engine.score(self._model, [self._tokens(each) for each in texts])
        return scores if is_batch else scores[0]

    def _tokens(self, text: str | Sequence[int]) -> list[int]:
        return self.tokenize(text) if isinstance(text, str) else list(text)

    def _begin(self, prompt, options) -> Session:
        session = self.session()
        session.append(prompt)
        session._sequence.begin(options)
        return session


def _as_batch(prompt):
    """Prompts in a list, and whether they came in one."""
    if isinstance(prompt, str):
        return [prompt], False
    prompts = list(prompt)
    is_batch = not prompts or not hasattr(prompts[0], "__index__")
    return (prompts, True) if is_batch else ([prompts], False)
