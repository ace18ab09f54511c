#!/usr/bin/env python3
"""Attention over pages beside a readable twin: sequences of any lengths, types, windows, errors; and t6.paged_cache in t6.nn."""
import math
import os
import pathlib
import sys
import unittest

BUILD = pathlib.Path(os.environ.get("T6_BUILD", pathlib.Path(__file__).parents[2] / "build/release")).resolve()
sys.path.insert(0, str(BUILD / "python"))  # the package beside the operators

import torch  # noqa: E402
import t6.ops  # noqa: E402
import variants  # noqa: E402
from t6 import nn  # noqa: E402
from t6.ops import Factors  # noqa: E402
from t6.paged_cache import PagedCache  # noqa: E402

torch.set_num_threads(1)
ops = torch.ops.t6
H, D, E, RANK = 4, 8, 6, {"q": 5, "k": 2, "v": 3}
LENGTHS = (1, 63, 64, 0, 65, 150)  # of sequences; 0: there is none


def heads(factors):
    """[T, H, D] of factors [T, R, H] and [T, R, D], or of R heads for H / R each."""
    if factors.a is None:
        return factors.b.float().repeat_interleave(H // factors.b.shape[1], 1)
    return torch.einsum("trh,trd->thd", factors.a.float(), factors.b.float()) / factors.b.shape[1]


def twin(q, k, v, scale=D**-0.5, window=0, sinks=0):
    """Of one sequence, whose last tokens are q's: [T, H, E]."""
    T, L = q.b.shape[0], k.b.shape[0]
    new, old = torch.arange(L - T, L)[:, None], torch.arange(L)
    seen = (old <= new) & ((window == 0) | (old > new - window) | (old < sinks))
    logits = torch.einsum("thd,lhd->htl", heads(q), heads(k)) * scale
    return torch.einsum("htl,lhe->the", logits.masked_fill(~seen, -math.inf).softmax(-1), heads(v))


class Paged:
    """Sequences of random factors, written into pages piece by piece in a table that no order is in."""

    def __init__(self, dtype=torch.float32, grouped=False):
        def factors(rank, length, features):
            a = None if grouped else torch.randn(length, rank, H).to(dtype).float()
            return Factors(a, torch.randn(length, rank, features).to(dtype).float())

        self.rank = {"q": H, "k": 2, "v": 1} if grouped else RANK
        self.k, self.v = ([factors(self.rank[name], length, features) for length in LENGTHS]
                          for name, features in (("k", D), ("v", E)))
        count = sum(-(-length // 64) for length in LENGTHS)
        free = torch.randperm(count + 2).tolist()
        self.table = torch.full((len(LENGTHS), 4), -1)
        self.k_pages, self.v_pages = (t6.ops.new_pages(count + 2, self.rank[name], features, 0 if grouped else H, dtype).fill_(math.nan)
                                      for name, features in (("k", D), ("v", E)))
        for row, length in enumerate(LENGTHS):
            for page in range(-(-length // 64)):
                self.table[row, page] = free.pop()
            for end in sorted({length - length // 3, length} - {0}):  # in two pieces
                begin = 0 if end < length else length - length // 3 if length // 3 else 0
                for pages, given, values in ((self.k_pages, self.k, False), (self.v_pages, self.v, True)):
                    piece = Factors(*(part if part is None else part[None, begin:end] for part in given[row]))
                    t6.ops.write_pages(pages, self.table[row:row + 1], torch.tensor([end]), piece, values=values)
        self.lengths = torch.tensor(LENGTHS)

    def queries(self, T, grouped=False):
        return Factors(None if grouped else torch.randn(len(LENGTHS), T, self.rank["q"], H),
                       torch.randn(len(LENGTHS), T, self.rank["q"], D))

    def attend(self, q, **options):
        return t6.ops.paged_attention(q, self.k_pages, self.v_pages, self.table, self.lengths, k_rank=self.rank["k"],
                                      v_rank=self.rank["v"], v_features=E, **options)

    def arguments(self, T=1):
        """Of the operator itself."""
        return (*self.queries(T), self.k_pages, self.v_pages, self.table, self.lengths, self.rank["k"], self.rank["v"], E, 0, 0.1, 1.0)


class Case(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)

    def assert_like_twin(self, paged, q, found, most=1e-5, **options):
        self.assertEqual(found.shape, (len(LENGTHS), q.b.shape[1], H, E))
        for row, length in enumerate(LENGTHS):
            if length == 0:
                self.assertEqual(float(found[row].abs().max()), 0)
                continue
            wanted = twin(Factors(*(part if part is None else part[row] for part in q)), paged.k[row], paged.v[row], **options)
            self.assertLess(float((found[row] - wanted).abs().max()), most, (row, options))


class Operator(Case):
    def test_is_attention_of_each_sequence(self):
        for dtype in (torch.float32, torch.bfloat16, torch.float16):
            for grouped in (False, True):
                with self.subTest(dtype=dtype, grouped=grouped):
                    paged = Paged(dtype, grouped)
                    q = paged.queries(1, grouped)
                    found = paged.attend(q)
                    self.assert_like_twin(paged, q, found)
                    torch.set_num_threads(3)
                    self.assertTrue(torch.equal(paged.attend(q), found))
                    torch.set_num_threads(1)

    def test_scale_and_tokens_at_once(self):
        paged = Paged()
        paged.lengths[:3] = 0  # that have fewer tokens than are asked for, or no more
        q = paged.queries(5)
        found = paged.attend(q, scale=0.3)
        for row in (4, 5):
            wanted = twin(Factors(q.a[row], q.b[row]), paged.k[row], paged.v[row], scale=0.3)
            self.assertLess(float((found[row] - wanted).abs().max()), 1e-5)
        self.assertEqual(paged.attend(Factors(q.a[:, :0], q.b[:, :0])).shape, (len(LENGTHS), 0, H, E))
        none = Paged()
        none.table, none.lengths = none.table[:0], none.lengths[:0]
        self.assertEqual(none.attend(Factors(q.a[:0], q.b[:0])).shape, (0, 5, H, E))

    def test_pages_out_of_the_window_need_not_be(self):
        for window, sinks in ((1, 0), (10, 0), (64, 3), (86, 1), (1000, 0)):
            paged = Paged()
            q = paged.queries(1)
            self.assert_like_twin(paged, q, paged.attend(q, window=window, sinks=sinks), window=window, sinks=sinks)
        paged.table[5, 1 if sinks else 0] = 99  # of 150 tokens
        self.assertFalse(paged.attend(q, window=10).isnan().any())
        with self.assertRaisesRegex(RuntimeError, "page_table names page 99 for sequence 5"):
            paged.attend(q, window=100)

    def test_autocast_and_types(self):
        paged = Paged()
        q = paged.queries(1)
        with torch.autocast("cpu", torch.bfloat16):
            found = paged.attend(q)
        self.assertEqual(found.dtype, torch.bfloat16)
        self.assert_like_twin(paged, q, found.float(), 0.05)
        paged.table, paged.lengths = paged.table.int(), paged.lengths.int()
        self.assert_like_twin(paged, q, paged.attend(q))

    def test_has_no_gradients(self):
        paged = Paged()
        q = Factors(*(part.requires_grad_() for part in paged.queries(1)))
        with self.assertRaisesRegex(RuntimeError, "derivative for t6::paged_attention is not implemented"):
            paged.attend(q).sum().backward()

    def test_vmap(self):
        paged = Paged()
        q = [paged.queries(1) for _ in range(3)]
        stacked = Factors(torch.stack([each.a for each in q]), torch.stack([each.b for each in q], 2))
        found = torch.vmap(lambda a, b: paged.attend(Factors(a, b)), (0, 2))(*stacked)
        self.assertTrue(torch.equal(found, torch.stack([paged.attend(each) for each in q])))
        pages, others = torch.stack([paged.k_pages, paged.k_pages * 2]), paged.arguments()[3:]
        found = torch.vmap(lambda k_pages: ops.paged_attention(*q[0], k_pages, *others))(pages)
        wanted = [ops.paged_attention(*q[0], each, *others) for each in pages]
        self.assertTrue(torch.equal(found, torch.stack(wanted)))

    def test_opcheck_and_one_graph(self):
        paged = Paged()
        paged.k_pages.nan_to_num_(), paged.v_pages.nan_to_num_()
        torch.library.opcheck(ops.paged_attention, paged.arguments())
        new = Factors(torch.randn(6, 1, 2, H), torch.randn(6, 1, 2, D))
        torch.library.opcheck(ops.write_pages, (paged.k_pages.clone(), paged.table, paged.lengths, *new, False))

        def step(q_a, q_b, a, b, pages):
            t6.ops.write_pages(pages, paged.table, paged.lengths, Factors(a, b), values=False)
            return t6.ops.paged_attention((q_a, q_b), pages, paged.v_pages, paged.table, paged.lengths, k_rank=2, v_rank=3,
                                          v_features=E)

        q, mine, theirs = paged.queries(1), paged.k_pages.clone(), paged.k_pages.clone()
        found = torch.compile(step, backend="aot_eager", fullgraph=True)(*q, *new, mine)
        self.assertTrue(torch.equal(found, step(*q, *new, theirs)))
        self.assertTrue(torch.equal(mine, theirs))

    def test_errors_name_the_argument(self):
        paged = Paged()
        good = paged.arguments()

        def with_(**changes):
            names = ("q_a", "q_b", "k_pages", "v_pages", "page_table", "lengths", "k_rank", "v_rank", "v_features", "heads")
            return [changes.get(name, value) for name, value in zip(names, good)] + list(good[10:])

        shapes = ((with_(q_a=good[0][:, :, :, :3], heads=4), r"q_a must be \[B, T, R, 4\]"),
                  (with_(k_pages=good[2][:, 1:]), r"a page of k_pages must be 64 x 2 x \(4 \+ 8\) numbers"),
                  (with_(v_pages=good[3].double()), "v_pages must be Float, BFloat16 or Half, not Double"),
                  (with_(k_pages=good[2].T.contiguous().T), "the rows of k_pages must lie without gaps"),
                  (with_(page_table=good[4][:2]), r"page_table must be \[sequences, pages\]"),
                  (with_(lengths=good[5].float()), "lengths must be Long or Int"),
                  (with_(v_rank=0), "v_pages have 0 factors"), (with_(k_rank=2**62), "wanted are 1 to"))
        for arguments, message in shapes:
            for device in ("cpu", "meta"):
                moved = [each.to(device) if isinstance(each, torch.Tensor) else each for each in arguments]
                with self.subTest(message, device=device), self.assertRaisesRegex(RuntimeError, message):
                    ops.paged_attention(*moved)
        for arguments, message in ((with_(lengths=good[5] - 1), "lengths has -1 tokens for sequence 3; wanted 0 or at least its 1"),
                                   (with_(lengths=torch.tensor([1, 1, 1, 0, 1, 260])), "lengths has 260 tokens for sequence 5, and page_table 4 pages"),
                                   (with_(page_table=good[4] + 100), "page_table names page 1[0-9]* for sequence 0; there are 10")):
            with self.assertRaisesRegex(RuntimeError, message):
                ops.paged_attention(*arguments)

    def test_a_refused_write_writes_nothing(self):
        paged = Paged()
        before, new = paged.k_pages.clone(), Factors(torch.randn(6, 1, 2, H), torch.randn(6, 1, 2, D))
        for table, factors, message in ((paged.table.index_fill(0, torch.tensor([5]), 10), new, "page 10 for sequence 5"),
                                        (paged.table, Factors(None, new.b), r"a page of pages must be 64 x 2 x \(0 \+ 8\) numbers"),
                                        (paged.table, Factors(new.a[:1], new.b), r"a must be \[B, T, R, H\] with B")):
            with self.assertRaisesRegex(RuntimeError, message):
                t6.ops.write_pages(paged.k_pages, table, paged.lengths, factors, values=False)
            torch.testing.assert_close(paged.k_pages, before, rtol=0, atol=0, equal_nan=True)


class Cache(Case):
    OPTIONS = [{}, {"attention_kind": "tpa_kvonly"}, {"attention_kind": "gqa", "num_key_value_heads": 2}, {"query_key_norm": True},
               {"attention_kind": "mqa", "sliding_window": 16, "attention_sinks": 2}, {"sliding_window": 20}, {"v_head_dim": 24}]
    PLAIN = [{"kv_shift": True}, {"head_factors": "constant"}, {"feature_factors": "constant"}, {"third_order_dim": 2},
             {"shared_kv_features": True},
             {"attention_kind": "mla", "q_lora_rank": 16, "kv_lora_rank": 12, "qk_rope_head_dim": 4}]

    def model(self, options):
        return nn.Transformer(nn.ModelConfig(vocab_size=50, hidden_size=48, num_hidden_layers=2, num_attention_heads=6, head_dim=8,
                                             **options))

    def run_with(self, model, cache, tokens):
        with torch.no_grad():
            return torch.cat([model(part, cache=cache) for part in tokens.split((70, 1, 3, 1, 1), 1)], 1)

    def test_gives_what_the_plain_cache_gives(self):
        tokens = torch.randint(50, (2, 76))
        for options in self.OPTIONS + self.PLAIN:
            with self.subTest(options=options):
                model, cache = self.model(options), PagedCache()
                for parameter in model.parameters():
                    torch.nn.init.normal_(parameter, std=0.2)
                wanted = self.run_with(model, nn.FactorCache(), tokens)
                torch.testing.assert_close(self.run_with(model, cache, tokens), wanted, rtol=1e-4, atol=1e-4)
                self.assertEqual((cache.get_seq_length(), cache.in_pages(0)), (76, options not in self.PLAIN))
                cache.crop(75)
                cache.reorder_cache(torch.tensor([1, 0]))
                with torch.no_grad():
                    again = model(tokens.flip(0)[:, 75:], cache=cache)
                torch.testing.assert_close(again, wanted.flip(0)[:, 75:], rtol=1e-4, atol=1e-4)

    def test_variants_keep_their_heads(self):
        tokens = torch.randint(50, (2, 76))
        for variant, in_pages in variants.TAKES_OPERATORS.items():
            with self.subTest(variant=variant.__name__):
                model, cache = variants.model_of(variant), PagedCache()
                wanted = self.run_with(model, nn.FactorCache(), tokens)
                torch.testing.assert_close(self.run_with(model, cache, tokens), wanted, rtol=1e-4, atol=1e-4)
                self.assertEqual(cache.in_pages(0), in_pages)

    def test_refuses(self):
        model, cache, tokens = self.model({}), PagedCache(), torch.randint(50, (2, 76))
        with self.assertRaisesRegex(RuntimeError, "no gradients"):
            model(tokens, cache=cache)
        self.run_with(model, cache, tokens)
        with torch.no_grad():
            with self.assertRaisesRegex(ValueError, "holds 2 sequences, and tokens of 1"):
                model(tokens[:1, :1], cache=cache)
            with self.assertRaisesRegex(ValueError, "no padding"):
                model(tokens[:, :1], nn.Batch(2, 1, 76, torch.ones(2, 77)), cache)


if __name__ == "__main__":
    unittest.main()
