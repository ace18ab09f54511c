"""Kinds of attention as somebody might write them who has read t6/nn.py: subclasses that change one thing each."""
import torch
from t6.nn import GroupedAttention, ModelConfig, TensorProductAttention, Transformer


class SharedHeadFactors(TensorProductAttention):
    """Values have the head factors of keys, which are cached once."""

    def __init__(self, config, layer=0):
        super().__init__(config, layer)
        self.v_proj.a = None

    def factors(self, keys, values, batch):
        k, v = super().factors(keys, values, batch)
        return k, v._replace(a=k.a)


class Temperature(TensorProductAttention):
    """Each head learns how sharp its softmax is."""

    def __init__(self, config, layer=0):
        super().__init__(config, layer)
        self.temperature = torch.nn.Parameter(torch.ones(self.H))

    def project(self, x, batch):
        q, keys, values = super().project(x, batch)
        return q._replace(a=q.a * self.temperature), keys, values


class NormedValues(TensorProductAttention):
    """Heads of values have the length 1."""

    def heads(self, keys, values, batch):
        k, v = super().heads(keys, values, batch)
        return k, torch.nn.functional.normalize(v, dim=-1)


class NormedGroups(GroupedAttention):
    """The same of grouped heads."""

    def heads(self, keys, values, batch):
        k, v = super().heads(keys, values, batch)
        return k, torch.nn.functional.normalize(v, dim=-1)


class LargerScale(TensorProductAttention):
    """A softmax of its own."""

    def _attend(self, q, k, v, batch):
        return super()._attend(3 * q, k, v, batch)


# Whether the operators of attention, which take factors, compute them: they know nothing of heads or a softmax of one's own.
TAKES_OPERATORS = {SharedHeadFactors: True, Temperature: True, NormedValues: False, NormedGroups: False, LargerScale: False}


def model_of(variant):
    """A model of two layers of 50 tokens, with random weights."""
    torch.manual_seed(5)
    kind = {"attention_kind": "gqa", "num_key_value_heads": 2} if issubclass(variant, GroupedAttention) else {}
    config = ModelConfig(vocab_size=50, hidden_size=48, num_hidden_layers=2, num_attention_heads=6, head_dim=8, **kind)
    model = Transformer(config)
    for layer, block in enumerate(model.model.layers):
        block.self_attn = variant(config, layer)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model
