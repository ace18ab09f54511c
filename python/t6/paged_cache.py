"""A cache whose keys and values lie in pages, as T6's decoding kernel reads them. It needs the operators (t6.ops).

    cache = PagedCache()
    with torch.no_grad():
        for part in (x[:, :100], x[:, 100:101]):
            y = attention(part, cache=cache)
"""

import torch
from torch import Tensor

from . import nn, ops


class _Pages:
    """Keys or values of a layer."""

    def __init__(self, factors: ops.Factors, values: bool, dtype: torch.dtype):
        self.values, self.batch = values, factors.b.shape[0]
        self.numbers = ops.new_pages(0, *factors.b.shape[2:], 0 if factors.a is None else factors.a.shape[3], dtype)

    def append(self, factors: ops.Factors, table: Tensor, lengths: Tensor) -> None:
        if factors.b.shape[0] != self.batch:
            raise ValueError(f"the cache holds {self.batch} sequences, and tokens of {factors.b.shape[0]} are to be appended")
        had, wanted = self.numbers.shape[0], table.numel()
        if wanted > had:  # twice as many, so that a long text is not copied for every page
            self.numbers = torch.cat((self.numbers, self.numbers.new_zeros(2 * wanted - had, self.numbers.shape[1])))
        ops.write_pages(self.numbers, table, lengths, factors, values=self.values)


class PagedCache:
    """Takes the place of `t6.nn.FactorCache` on the CPU, without gradients and for sequences of one length.

    Layers whose keys and values are cached as rotated factors or as heads attend by `t6.ops.paged_attention`; those with
    constant factors, third order, shared features, shifts or a latent as with `FactorCache`, and so do all under padding. dtype: of
    the numbers in pages: float32, bfloat16 or float16.
    """

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        self.dtype = dtype
        self._lengths: dict[int, int] = {}  # tokens of each layer
        self._paged: dict[int, tuple[_Pages, _Pages]] = {}
        self._plain: dict[int, tuple[Tensor, Tensor]] = {}  # numbers of layers that have no pages

    def attend(self, layer: nn.Attention, q: Tensor | nn.Factors, keys: Tensor, values: Tensor, batch: nn.Batch) -> Tensor | None:
        """What `layer` gives of queries and new tokens' numbers, [B, T, H, E]; None: it has no pages, and nothing was taken."""
        factors = layer.rotated_factors(keys, values, batch) if layer.k_shift is None else None
        plain = batch.valid is None and batch.text is None and not batch.eager and layer.layer not in self._plain
        types = (torch.float32, torch.bfloat16)
        if factors is None or not plain or keys.device.type != "cpu" or keys.dtype not in types:
            if layer.layer in self._paged:
                raise ValueError("a paged cache goes on with tokens of the kind that it began with: no padding, float32 or bfloat16")
            return None
        queries = ops.Factors(q.a, q.b) if isinstance(q, nn.Factors) else ops.Factors(None, q)
        if torch.is_grad_enabled() and (keys.requires_grad or values.requires_grad or queries.b.requires_grad):
            raise RuntimeError("a paged cache has no gradients: use it under torch.no_grad()")
        k, v = (ops.Factors(each.a, each.b) for each in factors)
        table, lengths = self._append(layer.layer, k, v)
        k_pages, v_pages = self._paged[layer.layer]
        return ops.paged_attention(queries, k_pages.numbers, v_pages.numbers, table, lengths, k_rank=k.b.shape[2],
                                   v_rank=v.b.shape[2], v_features=v.b.shape[3], scale=layer.scale, window=layer.window,
                                   sinks=layer.sinks)

    def _append(self, layer: int, k: ops.Factors, v: ops.Factors) -> tuple[Tensor, Tensor]:
        """The table of pages and the lengths with these tokens."""
        if layer not in self._paged:
            self._paged[layer] = _Pages(k, False, self.dtype), _Pages(v, True, self.dtype)
        batch, length = k.b.shape[0], self.get_seq_length(layer) + k.b.shape[1]
        count = -(-length // ops.PAGE_TOKENS)
        table = torch.arange(count * batch).view(count, batch).T.contiguous()  # page i of sequence b is page i B + b
        lengths = torch.full((batch,), length)
        for pages, factors in zip(self._paged[layer], (k, v)):
            pages.append(factors, table, lengths)
        self._lengths[layer] = length
        return table, lengths

    def update(self, keys: Tensor, values: Tensor, layer: int) -> tuple[Tensor, Tensor]:
        old = self._plain.get(layer)
        self._plain[layer] = (keys, values) if old is None else (torch.cat((old[0], keys), 2), torch.cat((old[1], values), 2))
        self._lengths[layer] = self._plain[layer][0].shape[2]
        return self._plain[layer]

    def get_seq_length(self, layer: int = 0) -> int:
        return self._lengths.get(layer, 0)

    def in_pages(self, layer: int) -> bool:
        """Whether a layer's tokens lie in pages."""
        return layer in self._paged

    def crop(self, length: int) -> None:
        self._plain = {layer: (keys[:, :, :length], values[:, :, :length]) for layer, (keys, values) in self._plain.items()}
        self._lengths = {layer: min(length, had) for layer, had in self._lengths.items()}

    def reorder_cache(self, rows: Tensor) -> None:
        self._plain = {layer: (keys[rows], values[rows]) for layer, (keys, values) in self._plain.items()}
        for pages in (each for pair in self._paged.values() for each in pair):
            pages.numbers = pages.numbers.unflatten(0, (-1, pages.batch))[:, rows].flatten(0, 1)
            pages.batch = len(rows)
