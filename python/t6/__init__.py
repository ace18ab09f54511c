"""T6 in Python: Tensor Product Attention as PyTorch modules (t6.nn), and T6 models in transformers.

Importing it makes transformers, where that is installed, know the model type "t6".
"""

import importlib.util

from . import nn

__all__ = ["nn"]

if importlib.util.find_spec("transformers") is not None:
    from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

    from .configuration_t6 import T6Config
    from .modeling_t6 import T6Cache, T6ForCausalLM, T6Model

    AutoConfig.register("t6", T6Config)
    AutoModel.register(T6Config, T6Model)
    AutoModelForCausalLM.register(T6Config, T6ForCausalLM)
    AutoTokenizer.register(T6Config, fast_tokenizer_class=PreTrainedTokenizerFast)
    __all__ += ["T6Cache", "T6Config", "T6ForCausalLM", "T6Model"]
