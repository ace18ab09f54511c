"""T6 in Python: models built on Tensor Product Attention.

t6.Model runs a model with T6's own engine (t6.engine); t6.nn has the attention and the model as PyTorch modules, t6.ops
the kernels as operators of Torch. Where torch is imported, before or after this, it has torch.ops.t6.* (if this T6 was built
with operators for it: `import t6.ops` says why not), and transformers knows the model type "t6".
Each part is imported when it is first used, so that `import t6` takes no time and none of them needs what another needs.
"""

import importlib

from . import _transformers
from ._when_imported import when_imported

_MODULES = ("engine", "nn", "ops")
_NAMES = {"Model": "engine", "Session": "engine", "Stream": "engine", "Generation": "engine", "Options": "engine",
          "Error": "engine", "T6Config": "configuration_t6", "T6Cache": "modeling_t6",
          "T6ForCausalLM": "modeling_t6", "T6Model": "modeling_t6"}

__all__ = [*_MODULES, *_NAMES, "__version__"]

TYPE_CHECKING = False
if TYPE_CHECKING:  # what type checkers see
    from . import engine, nn, ops
    from .configuration_t6 import T6Config
    from .engine import Error, Generation, Model, Options, Session, Stream
    from .modeling_t6 import T6Cache, T6ForCausalLM, T6Model

    __version__: str


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    if name in _NAMES:
        return getattr(importlib.import_module(f".{_NAMES[name]}", __name__), name)
    if name == "__version__":
        return importlib.import_module(".engine", __name__)._engine.version
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})


def _load_operators():
    try:
        importlib.import_module(".ops", __name__)
    except ImportError:  # which whoever imports them hears
        pass


when_imported("torch", _load_operators)
_transformers.register_when_imported()
