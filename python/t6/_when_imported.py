"""Calls back as soon as something else imports a module, which this does not."""

import importlib.util
import sys


class _Loader:
    """Loads a module as its own loader does, and then calls back."""

    def __init__(self, loader, finder):
        self.loader, self.finder = loader, finder

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self.loader
        self.loader.exec_module(module)
        sys.meta_path.remove(self.finder)
        self.finder.call()


class _Finder:
    """Stays until the module is imported: many a library only asks where it would be found."""

    def __init__(self, name, call):
        self.name, self.call = name, call
        self.asks_others = False

    def find_spec(self, name, path=None, target=None):
        if name != self.name or self.asks_others:
            return None
        self.asks_others = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self.asks_others = False
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self)
        return spec


def when_imported(name, call):
    """Now, where `name` has been imported already."""
    if name in sys.modules:
        call()
    else:
        sys.meta_path.insert(0, _Finder(name, call))
