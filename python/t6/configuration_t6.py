"""T6's configuration for transformers: the keys of a model folder's config.json, read and written as T6 does."""

import dataclasses
from typing import Any

from transformers import PretrainedConfig

from .nn import ModelConfig

FIELDS = {field.name: field.default for field in dataclasses.fields(ModelConfig)}


class T6Config(PretrainedConfig):
    """Takes every key of `t6.nn.ModelConfig`, with its defaults, and what transformers' configurations take."""

    model_type = "t6"
    keys_to_ignore_at_inference = ["cache", "past_key_values"]

    def __init__(self, use_cache: bool = True, **kwargs: Any):
        given = {name: kwargs.pop(name) for name in FIELDS if name in kwargs}
        self._take(ModelConfig.from_dict(given))
        self.use_cache = use_cache
        if kwargs.get("eos_token_id") == []:  # T6's way to say that no token ends a text
            kwargs["eos_token_id"] = None
        super().__init__(tie_word_embeddings=self.tie_word_embeddings, **kwargs)

    def _take(self, model: ModelConfig) -> None:
        for name in FIELDS:
            setattr(self, name, getattr(model, name))
        # What says nothing is None here: transformers takes any number for a window.
        self.sliding_window = model.sliding_window or None

    # transformers would make "rope_parameters" of it, which T6's programs do not read.
    @property
    def rope_scaling(self) -> dict[str, Any] | None:
        return self._rope_scaling

    @rope_scaling.setter
    def rope_scaling(self, value: dict[str, Any] | None) -> None:
        self._rope_scaling = value

    def model_config(self) -> ModelConfig:
        """What `t6.nn` makes modules of. Error: a combination that makes no sense."""
        return ModelConfig.from_dict({name: getattr(self, name) for name in FIELDS})

    def to_dict(self) -> dict[str, Any]:
        values = super().to_dict()
        values["rope_scaling"] = values.pop("_rope_scaling", None)
        return {key: value for key, value in values.items() if key not in FIELDS or value is not None}


__all__ = ["T6Config"]
