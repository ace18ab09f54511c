#include "t6/ops/paged_attention.h"

#include <vector>

#include "t6/core/error.h"
#include "t6/ops/arguments/attention_arguments.h"
#include "t6/ops/arguments/autocast.h"
#include "t6/ops/arguments/operator.h"
#include "t6/ops/arguments/pages.h"
#include "t6/ops/arguments/shapes.h"
#include "t6/ops/threads.h"

namespace t6 {
namespace {

using torch::Tensor;
using OptionalTensor = std::optional<Tensor>;
using Pointers = std::vector<const std::byte*>;

constexpr const char* kAttention = "t6::paged_attention";
constexpr const char* kWrite = "t6::write_pages";

struct Arguments {
  AttentionFactors q;
  FactorPages k, v;
  PageTable table;
  int64_t heads = 0;
  AttentionScales scales;
  AttentionWindow window;

  int64_t head_count() const {
    if (heads != 0) return heads;
    const Tensor& given = q.a ? *q.a : q.b;
    return given.dim() == 4 ? given.sym_size(q.a ? 3 : 2).guard_int(__FILE__, __LINE__) : 0;
  }
  PageStreams key_streams() const { return page_streams(kAttention, "k_pages", k, head_count(), PageSide::keys); }
  PageStreams value_streams() const { return page_streams(kAttention, "v_pages", v, head_count(), PageSide::values); }
  void check() const;
};

Arguments arguments_of(const OptionalTensor& q_a, const Tensor& q_b, const Tensor& k_pages, const Tensor& v_pages,
                       const Tensor& page_table, const Tensor& lengths, int64_t k_rank, int64_t v_rank,
                       int64_t v_features, int64_t heads, double logit_scale, double value_scale, int64_t window,
                       int64_t sinks) {
  const int64_t k_features = q_b.dim() == 4 ? q_b.sym_size(3).guard_int(__FILE__, __LINE__) : 0;
  return {{q_a, q_b},
          {k_pages, k_rank, k_features},
          {v_pages, v_rank, v_features},
          {page_table, lengths},
          heads,
          {logit_scale, value_scale},
          {window, sinks}};
}

void Arguments::check() const {
  const int64_t count = head_count();
  require(count >= 1, "{}: heads must be at least 1, not {}", kAttention, count);
  require(window.window >= 0 && window.sinks >= 0, "{}: window and sinks must be at least 0, not {} and {}", kAttention,
          window.window, window.sinks);
  check_factors(kAttention, "q", q, count, q.b);
  check_table(kAttention, table, q.b.sym_size(0));
  const auto check_ranks = [&](const char* name, const PagedStream& a, int64_t rank) {
    require(a.width > 0 || count % rank == 0, "{}: without head factors in {} the {} factors must divide the {} heads",
            kAttention, name, rank, count);
  };
  check_ranks("k_pages", key_streams().a, k.rank);
  check_ranks("v_pages", value_streams().a, v.rank);
}

int64_t offset_of(const Tensor& pages, int64_t page) { return page * pages.stride(0) * pages.element_size(); }

// Whether one of T tokens at the end of `length` sees one of page i.
bool is_seen(int64_t i, int64_t length, int64_t T, const AttentionWindow& window) {
  const int64_t first = length - T - window.window + 1;
  return window.window == 0 || i * kPageTokens < window.sinks || (i + 1) * kPageTokens > first;
}

// Null for pages that no token sees.
Pointers pages_of_sequence(const Arguments& x, const ReadTable& table, const Tensor& numbers, int64_t sequence,
                           int64_t length) {
  const auto* const first = static_cast<const std::byte*>(numbers.const_data_ptr());
  Pointers pointers;
  for (int64_t i = 0; i < pages_of(length); ++i) {
    const bool seen = is_seen(i, length, x.q.b.size(1), x.window);
    pointers.push_back(seen ? first + offset_of(numbers, table.page(sequence, i, numbers.size(0))) : nullptr);
  }
  return pointers;
}

FactorView paged_view(const FactorPages& pages, const PageStreams& streams, const Pointers& pointers) {
  FactorView view;
  view.rank = pages.rank;
  view.features = pages.features;
  view.pages = pointers.data();
  view.paged_a = streams.a;
  view.paged_b = streams.b;
  return view;
}

// Where each sequence's pages are: of keys, of values.
struct Places {
  std::vector<Pointers> k, v;
};

std::vector<Attention> sequences_of(const Arguments& x, Places& places, const Tensor& out) {
  const ReadTable table(kAttention, x.table);
  const PageStreams k = x.key_streams(), v = x.value_streams();
  const int64_t batch = x.q.b.size(0), T = x.q.b.size(1);
  std::vector<Attention> sequences;
  places.k.reserve(static_cast<size_t>(batch));  // views point at what is in them
  places.v.reserve(static_cast<size_t>(batch));
  for (int64_t i = 0; i < batch; ++i) {
    const int64_t length = table.length(i, T);
    if (length == 0) continue;
    Attention each;
    each.q = view_of(x.q, i);
    each.k = paged_view(x.k, k, places.k.emplace_back(pages_of_sequence(x, table, x.k.numbers, i, length)));
    each.v = paged_view(x.v, v, places.v.emplace_back(pages_of_sequence(x, table, x.v.numbers, i, length)));
    each.T = T;
    each.start = length - T;
    each.heads = x.head_count();
    each.logit_scale = static_cast<float>(x.scales.logits);
    each.value_scale = static_cast<float>(x.scales.values);
    each.window = x.window.window;
    each.sinks = x.window.sinks;
    each.out = out.mutable_data_ptr<float>() + i * out.stride(0);
    sequences.push_back(each);
  }
  return sequences;
}

// The functions below have the operators' signatures.

Tensor paged_attention_cpu(const OptionalTensor& q_a, const Tensor& q_b, const Tensor& k_pages, const Tensor& v_pages,
                           const Tensor& page_table, const Tensor& lengths, int64_t k_rank, int64_t v_rank,
                           int64_t v_features, int64_t heads, double logit_scale, double value_scale, int64_t window,
                           int64_t sinks) {
  Arguments x = arguments_of(q_a, q_b, k_pages, v_pages, page_table, lengths, k_rank, v_rank, v_features, heads,
                             logit_scale, value_scale, window, sinks);
  x.check();
  pack(x.q);
  const Tensor out = torch::zeros({q_b.size(0), q_b.size(1), x.head_count(), v_features}, torch::kFloat);
  Places places;
  if (out.numel() > 0) attention(torch_context(), sequences_of(x, places, out));
  return out.to(q_b.scalar_type());
}

Tensor paged_attention_meta(const OptionalTensor& q_a, const Tensor& q_b, const Tensor& k_pages, const Tensor& v_pages,
                            const Tensor& page_table, const Tensor& lengths, int64_t k_rank, int64_t v_rank,
                            int64_t v_features, int64_t heads, double logit_scale, double value_scale, int64_t window,
                            int64_t sinks) {
  const Arguments x = arguments_of(q_a, q_b, k_pages, v_pages, page_table, lengths, k_rank, v_rank, v_features, heads,
                                   logit_scale, value_scale, window, sinks);
  x.check();
  return torch::empty_symint({q_b.sym_size(0), q_b.sym_size(1), x.head_count(), v_features}, q_b.options());
}

Tensor call_paged_attention(const Arguments& x) {
  static const auto op = find_operator<decltype(paged_attention_cpu)>(kAttention);
  return op.call(x.q.a, x.q.b, x.k.numbers, x.v.numbers, x.table.pages, x.table.lengths, x.k.rank, x.v.rank,
                 x.v.features, x.heads, x.scales.logits, x.scales.values, x.window.window, x.window.sinks);
}

Tensor paged_attention_autocast(const OptionalTensor& q_a, const Tensor& q_b, const Tensor& k_pages,
                                const Tensor& v_pages, const Tensor& page_table, const Tensor& lengths, int64_t k_rank,
                                int64_t v_rank, int64_t v_features, int64_t heads, double logit_scale,
                                double value_scale, int64_t window, int64_t sinks) {
  const Autocast autocast(kAttention);  // pages stay as they were written
  return call_paged_attention(arguments_of(autocast.narrow(q_a), autocast.narrow(q_b), k_pages, v_pages, page_table,
                                           lengths, k_rank, v_rank, v_features, heads, logit_scale, value_scale, window,
                                           sinks));
}

// Error: tokens that do not go with the pages. The streams of the pages.
PageStreams check_write(const Tensor& pages, const AttentionFactors& factors, const PageTable& table, bool values) {
  const Tensor& b = factors.b;
  check_type(kWrite, "b", b);
  require(b.dim() == 4, "{}: b must have four dimensions, not the shape {}", kWrite, shape_of(b));
  check_table(kWrite, table, b.sym_size(0));
  int64_t heads = 0;
  if (factors.a) {
    check_type(kWrite, "a", *factors.a);
    require(factors.a->dim() == 4 && factors.a->sym_sizes().slice(0, 3).equals(b.sym_sizes().slice(0, 3)),
            "{}: a must be [B, T, R, H] with B, T and R of b, {}, not {}", kWrite, shape_of(b), shape_of(*factors.a));
    heads = factors.a->sym_size(3).guard_int(__FILE__, __LINE__);
  }
  const FactorPages written = {pages, b.sym_size(2).guard_int(__FILE__, __LINE__),
                               b.sym_size(3).guard_int(__FILE__, __LINE__)};
  const PageStreams streams = page_streams(kWrite, "pages", written, heads, values ? PageSide::values : PageSide::keys);
  require(factors.a.has_value() == (streams.a.width > 0), "{}: the pages, {}, have {} head factors, and {} are given",
          kWrite, shape_of(pages), streams.a.width > 0 ? "some" : "no", factors.a ? "some" : "none");
  return streams;
}

void write_sequence(const Tensor& pages, const PageStreams& streams, const FactorView& from, const ReadTable& table,
                    int64_t sequence, int64_t T) {
  const int64_t start = table.length(sequence, T) - T;
  for (int64_t t = 0; t < T; ++t) {
    const int64_t index = table.page(sequence, (start + t) / kPageTokens, pages.size(0));
    std::byte* const page = static_cast<std::byte*>(pages.mutable_data_ptr()) + offset_of(pages, index);
    const int64_t slot = (start + t) % kPageTokens;
    if (from.a) write_token(streams.a, page, slot, from.a + t * from.a_stride);
    write_token(streams.b, page, slot, from.b + t * from.b_stride);
  }
}

void write_cpu(const Tensor& pages, const Tensor& page_table, const Tensor& lengths, const OptionalTensor& a,
               const Tensor& b, bool values) {
  AttentionFactors factors = {a, b};
  const PageTable given = {page_table, lengths};
  const PageStreams streams = check_write(pages, factors, given, values);
  pack(factors);
  const ReadTable table(kWrite, given);
  const int64_t T = b.size(1);
  for (int64_t i = 0; i < b.size(0); ++i) {  // before anything is written
    const int64_t length = table.length(i, T), start = length == 0 ? 0 : length - T;
    for (int64_t page = start / kPageTokens; page < pages_of(length); ++page) table.page(i, page, pages.size(0));
  }
  for (int64_t i = 0; i < b.size(0); ++i) {
    if (table.length(i, T) > 0) write_sequence(pages, streams, view_of(factors, i), table, i, T);
  }
}

void write_meta(const Tensor& pages, const Tensor& page_table, const Tensor& lengths, const OptionalTensor& a,
                const Tensor& b, bool values) {
  check_write(pages, {a, b}, {page_table, lengths}, values);
}

}  // namespace

Tensor paged_attention(const AttentionFactors& q, const FactorPages& k, const FactorPages& v, const PageTable& table,
                       int64_t heads, const AttentionScales& scales, const AttentionWindow& window) {
  return call_paged_attention({q, k, v, table, heads, scales, window});
}

TORCH_LIBRARY_FRAGMENT(t6, library) {
  library.def(
      "paged_attention(Tensor? q_a, Tensor q_b, Tensor k_pages, Tensor v_pages, Tensor page_table, Tensor lengths, "
      "int k_rank, int v_rank, int v_features, int heads, float logit_scale, float value_scale, int window=0, "
      "int sinks=0) -> Tensor");
  library.def(
      "write_pages(Tensor(a!) pages, Tensor page_table, Tensor lengths, Tensor? a, Tensor b, bool values) -> ()");
}
TORCH_LIBRARY_IMPL(t6, CPU, library) {
  library.impl("paged_attention", &paged_attention_cpu);
  library.impl("write_pages", &write_cpu);
}
TORCH_LIBRARY_IMPL(t6, Meta, library) {
  library.impl("paged_attention", &paged_attention_meta);
  library.impl("write_pages", &write_meta);
}
TORCH_LIBRARY_IMPL(t6, AutocastCPU, library) { library.impl("paged_attention", &paged_attention_autocast); }
TORCH_LIBRARY_IMPL(t6, Autograd, library) {
  library.impl("paged_attention", torch::autograd::autogradNotImplementedFallback());
  library.impl("write_pages", torch::autograd::autogradNotImplementedFallback());
}
TORCH_LIBRARY_IMPL(t6, ADInplaceOrView, library) {
  library.impl("write_pages", torch::autograd::autogradNotImplementedInplaceOrViewFallback());
}

}  // namespace t6
