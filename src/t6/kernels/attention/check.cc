#include "t6/kernels/attention/check.h"

#include "t6/core/error.h"
#include "t6/kernels/attention/factor_rows.h"

namespace t6 {
namespace {

// One of queries, keys and values, as errors name it.
struct NamedView {
  const char* name;
  const FactorView& view;
};

bool is_paged(const PagedStream& stream) { return stream.width > 0; }

void check_sizes(const NamedView& named, int64_t heads) {
  const auto& [name, view] = named;
  require(view.rank >= 1 && view.features >= 1, "attention: the {} have {} factors of {} features; wanted at least 1",
          name, view.rank, view.features);
  require(view.has_a() || heads % view.rank == 0,
          "attention: the {} have no head factors, and {} feature factors do not divide {} heads", name, view.rank,
          heads);
  require(view.third >= 1 && view.features % view.third == 0,
          "attention: the {} have {} features, which third factors of length {} do not divide", name, view.features,
          view.third);
  require(view.has_c() == (view.third > 1), "attention: the {} have third factors of length {}, but {} to read", name,
          view.third, view.has_c() ? "some" : "none");
  const int64_t base = view.features / view.third;
  require(!view.rotary || (view.rotary_dim >= 2 && view.rotary_dim % 2 == 0 && view.rotary_dim <= base),
          "attention: {} of {} features of the {} are to be rotated; wanted an even number of them", view.rotary_dim,
          base, name);
}

// `widest`: a stream of b may be wider than the view reads.
void check_streams(const NamedView& named, int64_t heads, bool widest) {
  const auto& [name, view] = named;
  const int64_t base = view.features / view.third;
  const auto check = [&, name = name, rank = view.rank](const char* factor, const PagedStream& stream, int64_t width,
                                                        bool or_wider) {
    if (!is_paged(stream)) return;
    const bool fits = stream.width == width || (or_wider && stream.width > width);
    require(stream.vectors == rank && fits,
            "attention: pages hold {} of {} vectors of {} numbers for the {}; wanted {} of {}", factor, stream.vectors,
            stream.width, name, rank, width);
  };
  check("a", view.paged_a, heads, false);
  check("b", view.paged_b, base, widest);
  check("c", view.paged_c, view.third, false);
}

// That the factors of at least one token can be read.
void check_numbers(const NamedView& named) {
  const auto& [name, view] = named;
  const bool paged = is_paged(view.paged_a) || is_paged(view.paged_b) || is_paged(view.paged_c);
  require(!paged || view.pages, "attention: the {} lie in pages, but there are none", name);
  require(view.b || is_paged(view.paged_b), "attention: the {} have no feature factors", name);
}

void check_held_bias(const Attention& x) {
  if (!x.k_bias.first) return;
  require(!x.q.has_a() && !x.k.has_a() && x.k.third == 1 && !x.k_shift,
          "attention: a bias of keys is held apart where queries and keys have no head factors, third order or shift");
  const int64_t dim = x.k_bias.rotary_dim;
  require(dim >= 2 && dim % 2 == 0 && dim <= x.k.features,
          "attention: the bias held apart has {} rotated features of {}; wanted an even number of them", dim,
          x.k.features);
  require(x.k_bias.features && x.k_bias.rows && x.k_bias.rotary, "attention: the bias held apart has no {}",
          x.k_bias.rotary ? "numbers" : "rotation");
}

void check_shapes(const Attention& x) {
  require(x.heads >= 1, "attention: wanted at least 1 head, not {}", x.heads);
  require(x.T >= 0 && (x.T == 0 || x.start + x.T >= 0), "attention: {} queries from position {} on", x.T, x.start);
  require(x.window >= 0 && x.sinks >= 0, "attention: a window of {} keys and {} sinks", x.window, x.sinks);
  const NamedView q = {"queries", x.q}, k = {"keys", x.k}, v = {"values", x.v};
  for (const NamedView& named : {q, k, v}) check_sizes(named, x.heads);
  require(x.q.features == x.k.features, "attention: queries have {} features and keys {}", x.q.features, x.k.features);
  require(!x.q.pages, "attention: queries cannot lie in pages");
  check_streams(k, x.heads, false);
  check_streams(v, x.heads, true);
  require(!x.k_shift == !x.v_shift, "attention: only the {} are shifted; wanted both keys and values, or neither",
          x.k_shift ? "keys" : "values");
  check_held_bias(x);
  if (x.T == 0) return;
  check_numbers(q);
  if (x.start + x.T == 0) return;
  check_numbers(k);
  check_numbers(v);
}

void check_second_order(const NamedView& named) {
  require(
      !finished_on_use(named.view) && !named.view.pages,
      "attention: the gradient of {} that are in pages, of third order, or normalized or rotated on use is not known",
      named.name);
}

}  // namespace

void check_attention(const Attention& x) {
  check_shapes(x);
  require(x.out || x.T == 0, "attention: no room for the output");
}

void check_attention_backward(const AttentionBackward& x) {
  const Attention& f = x.forward;
  check_shapes(f);
  for (const NamedView& named : {NamedView{"queries", f.q}, {"keys", f.k}, {"values", f.v}}) check_second_order(named);
  require(!f.k_shift, "attention: the gradient with a shift is not known");
  require(!f.k_bias.first, "attention: the gradient with a bias held apart is not known");
  if (f.T == 0) return;
  require(x.lse && x.d_out, "attention: the gradient needs lse and d_out");
  const bool features = x.dq_b && x.dk_b && x.dv_b;
  const bool heads = (x.dq_a || !f.q.a) && (x.dk_a || !f.k.a) && (x.dv_a || !f.v.a);
  require(features && heads, "attention: no room for the gradient of {} factors", features ? "head" : "feature");
}

}  // namespace t6
