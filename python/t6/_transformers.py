"""Makes transformers know the model type "t6", as soon as something else imports it."""

import importlib.util
import sys


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


class _Loader:
    """Loads a module as its own loader does, and then registers."""

    def __init__(self, loader, finder):
        self.loader, self.finder = loader, finder

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self.loader
        self.loader.exec_module(module)
        sys.meta_path.remove(self.finder)
        register()


class _Finder:
    """Stays until transformers is imported: many a library only asks where it would be found."""

    asks_others = False

    def find_spec(self, name, path=None, target=None):
        if name != "transformers" or self.asks_others:
            return None
        self.asks_others = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self.asks_others = False
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self)
        return spec


def register_when_imported():
    if importlib.util.find_spec("torch") is None:  # which the models of transformers need
        return
    if "transformers" in sys.modules:
        register()
    else:
        sys.meta_path.insert(0, _Finder())
