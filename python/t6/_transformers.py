"""Makes transformers know the model type "t6", as soon as something else imports it."""

import importlib.util
import sys

from ._when_imported import when_imported


def register():
    for name in ("configuration_t6", "modeling_t6"):
        # One of them may be what imports transformers. It is imported anew here, whole, and that is what its importer gets, too.
        sys.modules.pop(f"{__package__}.{name}", None)
    from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

    from .configuration_t6 import T6Config
    from .modeling_t6 import T6ForCausalLM, T6Model

    AutoConfig.register("t6", T6Config)
    AutoModel.register(T6Config, T6Model)
    AutoModelForCausalLM.register(T6Config, T6ForCausalLM)
    AutoTokenizer.register(T6Config, fast_tokenizer_class=PreTrainedTokenizerFast)


def register_when_imported():
    if importlib.util.find_spec("torch") is not None:  # which the models of transformers need
        when_imported("transformers", register)
