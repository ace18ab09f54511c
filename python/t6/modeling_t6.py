"""T6 as a model of transformers: generation, saving and loading, gradient checkpointing.

The modules are those of nn.py. Its layers give transformers' caches the factors of keys and values for keys and values,
as one head of as many numbers, so that any cache which grows with the text is as small as T6's own.
"""

import dataclasses
from typing import Any

import torch
from torch import Tensor, nn
from transformers import GenerationMixin, PreTrainedModel
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer, DynamicSlidingWindowLayer
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast

from .configuration_t6 import T6Config
from .nn import Batch, Block, Norm, Projection, TokenEmbedding

# What transformers calls the cache in arguments and outputs: "past_key_values" in older versions.
CACHE = "cache" if "cache" in {f.name for f in dataclasses.fields(BaseModelOutputWithPast)} else "past_key_values"


def tokens_kept(config: T6Config, layer: int) -> int | None:
    """How many tokens, with the newest, a layer's cache has to give to attention; None: all of them."""
    model = config.model_config()
    if not model.slides(layer) or model.attention_sinks > 0:
        return None
    return model.sliding_window + int(model.kv_shift)  # a shifted key needs the token before


def fit_layers(cache: DynamicCache, config: T6Config) -> DynamicCache:
    """Makes the layers of an empty cache keep the tokens that these of the model look at."""
    kept = [tokens_kept(config, layer) for layer in range(config.num_hidden_layers)]
    cache.layers = [DynamicLayer() if count is None else DynamicSlidingWindowLayer(count) for count in kept]
    cache.layer_class_to_replicate = None
    return cache


class T6Cache(DynamicCache):
    """The cache that a forward pass makes by itself: grows with the text, or with the window of layers that slide."""

    def __init__(self, config: T6Config):
        super().__init__()
        fit_layers(self, config)


def check_cache(cache: Cache, config: T6Config) -> None:
    """Error: one that forgets tokens which a layer looks at, or whose tensors have a fixed length."""
    for index, layer in enumerate(cache.layers[:config.num_hidden_layers]):
        kept, wanted = getattr(layer, "sliding_window", None), tokens_kept(config, index)
        if getattr(layer, "is_compileable", False):
            raise ValueError("T6 runs with caches that grow (DynamicCache), not with one of a fixed length")
        if kept is not None and (wanted is None or kept < wanted):
            raise ValueError(f"the cache keeps {kept} tokens of layer {index}, which looks at "
                             f"{wanted or 'all of them'}; T6Cache(model.config) keeps what is needed")


class T6PreTrainedModel(PreTrainedModel):
    config_class = T6Config
    base_model_prefix = "model"
    supports_gradient_checkpointing = True
    _no_split_modules = ["Block"]
    _supports_sdpa = True

    def _init_weights(self, module: nn.Module) -> None:
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()


class T6Model(T6PreTrainedModel):
    """Tokens to hidden states."""

    def __init__(self, config: T6Config):
        super().__init__(config)
        model = config.model_config()
        self.embed_tokens = TokenEmbedding(model.vocab_size, model.hidden_size)
        self.layers = nn.ModuleList([Block(model, layer) for layer in range(model.num_hidden_layers)])
        self.norm = Norm(model.hidden_size, model.rms_norm_eps, model.norm_weight)
        self.gradient_checkpointing = False
        self.post_init()

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                position_ids: Tensor | None = None, cache: Cache | None = None, inputs_embeds: Tensor | None = None,
                use_cache: bool | None = None, output_attentions: bool | None = None,
                output_hidden_states: bool | None = None, return_dict: bool | None = None,
                past_key_values: Cache | None = None, **kwargs: Any) -> BaseModelOutputWithPast | tuple:
        """input_ids [B, T] to hidden states [B, T, C]. attention_mask: [B, tokens in the cache and new], 0 for padding."""
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("either input_ids or inputs_embeds are wanted")
        config, cache = self.config, cache if cache is not None else past_key_values
        checkpointing = self.gradient_checkpointing and self.training and torch.is_grad_enabled()
        use_cache = config.use_cache if use_cache is None else use_cache
        if checkpointing:
            cache = None
        elif cache is not None:
            check_cache(cache, config)
        elif use_cache:
            cache = T6Cache(config)
        x = self.embed_tokens(input_ids) if inputs_embeds is None else inputs_embeds
        past = cache.get_seq_length() if cache is not None else 0
        attentions = config.output_attentions if output_attentions is None else output_attentions
        batch = Batch(*x.shape[:2], past, attention_mask, position_ids, x.device,
                      eager=bool(attentions) or config._attn_implementation == "eager")
        batch.weights = [] if attentions else None
        hidden = config.output_hidden_states if output_hidden_states is None else output_hidden_states
        states = [] if hidden else None
        x = x * config.embedding_scale
        for block in self.layers:
            if states is not None:
                states.append(x)
            x = self._gradient_checkpointing_func(block, x, batch) if checkpointing else block(x, batch, cache)
        x = self.norm(x)
        if states is not None:
            states.append(x)
        output = BaseModelOutputWithPast(
            last_hidden_state=x, hidden_states=states and tuple(states), attentions=batch.weights and tuple(batch.weights),
            **{CACHE: cache})
        return output.to_tuple() if return_dict is False else output


class T6ForCausalLM(T6PreTrainedModel, GenerationMixin):
    """The whole model: logits of the next token, its loss, `generate`."""

    _tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}

    def __init__(self, config: T6Config):
        super().__init__(config)
        self.model = T6Model(config)
        self.lm_head = Projection(config.hidden_size, config.vocab_size)
        self.post_init()

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                position_ids: Tensor | None = None, cache: Cache | None = None, inputs_embeds: Tensor | None = None,
                labels: Tensor | None = None, use_cache: bool | None = None, output_attentions: bool | None = None,
                output_hidden_states: bool | None = None, return_dict: bool | None = None,
                logits_to_keep: int | Tensor = 0, past_key_values: Cache | None = None,
                **kwargs: Any) -> CausalLMOutputWithPast | tuple:
        """input_ids [B, T] to logits [B, T, vocabulary] (the last `logits_to_keep` of T alone). labels [B, T]: as
        input_ids, -100 for tokens that do not count; they are moved by one here."""
        outputs = self.model(input_ids, attention_mask, position_ids, cache, inputs_embeds, use_cache, output_attentions,
                             output_hidden_states, past_key_values=past_key_values)
        kept = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        logits = self.lm_head(outputs.last_hidden_state[:, kept])
        loss = None
        if labels is not None:
            loss = self.loss_function(logits=logits, labels=labels, vocab_size=self.config.vocab_size, **kwargs)
        output = CausalLMOutputWithPast(loss=loss, logits=logits, hidden_states=outputs.hidden_states,
                                        attentions=outputs.attentions, **{CACHE: outputs[CACHE]} if CACHE in outputs else {})
        return output.to_tuple() if return_dict is False else output

    def _prepare_generation_config(self, *args: Any, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        config, model_kwargs = super()._prepare_generation_config(*args, **kwargs)
        if config.eos_token_id == []:  # in T6's files: no token ends a text
            config.eos_token_id = None
        return config, model_kwargs

    def _prepare_position_ids_for_generation(self, *args: Any, **kwargs: Any) -> None:
        """None: the model counts from mask and cache itself, also where a prompt is all padding."""

    def _prepare_cache_for_generation(self, generation_config: Any, model_kwargs: dict[str, Any], *args: Any,
                                      **kwargs: Any) -> Any:
        own = model_kwargs.get(CACHE) is None
        result = super()._prepare_cache_for_generation(generation_config, model_kwargs, *args, **kwargs)
        cache = model_kwargs.get(CACHE)
        if cache is not None and not own:
            check_cache(cache, self.config)
        elif type(cache) is DynamicCache:
            fit_layers(cache, self.config)
            if getattr(generation_config, "is_assistant", False):
                cache.activate_past_recording()
        elif cache is not None:
            raise ValueError("T6 generates with a cache that grows: cache_implementation is \"dynamic\" or \"offloaded\"")
        return result


__all__ = ["T6Cache", "T6ForCausalLM", "T6Model", "T6PreTrainedModel"]
