// One head's queries, keys or values in training: from its factors, and gradients back to them.

#if defined(T6_KERNELS_ATTENTION_HEAD_FACTORS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_ATTENTION_HEAD_FACTORS_INL_H_
#undef T6_KERNELS_ATTENTION_HEAD_FACTORS_INL_H_
#else
#define T6_KERNELS_ATTENTION_HEAD_FACTORS_INL_H_
#endif

#include <cstdint>

#include "t6/core/rounding.h"
#include "t6/kernels/attention.h"
#include "t6/kernels/attention/row_sum-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// One head's factors of a token: rank r has head factor a(r), and row b(r) of features.
class HeadFactors {
 public:
  HeadFactors(const FactorView& view, int64_t heads, int64_t head)
      : view_(view), heads_(heads), head_(head), group_(head * view.rank / heads) {}

  // The ranks that the head has a part in.
  int64_t first() const { return view_.a ? 0 : group_; }
  int64_t last() const { return view_.a ? view_.rank : group_ + 1; }
  float a(int64_t token, int64_t r) const {
    return view_.a ? view_.a[token * view_.a_stride + r * heads_ + head_] : 1.0f;
  }
  const float* b(int64_t token, int64_t r) const { return view_.b + token * view_.b_stride + r * view_.features; }
  int64_t features() const { return view_.features; }

  // Where the gradients of a(token, r) and b(token, r) go in tensors [tokens, R, H] and [tokens, R, D].
  int64_t place_of_a(int64_t token, int64_t r) const { return (token * view_.rank + r) * heads_ + head_; }
  int64_t place_of_b(int64_t token, int64_t r) const { return (token * view_.rank + r) * view_.features; }
  bool has_a() const { return view_.a != nullptr; }

 private:
  const FactorView& view_;
  int64_t heads_, head_, group_;
};

// The head's queries, keys or values of tokens [begin, end) times `scale`, in rows [tokens, D to whole vectors] with
// zeros past D.
inline void materialize(const HeadFactors& factors, int64_t begin, int64_t end, float scale, float* rows) {
  const int64_t first = factors.first(), stride = round_up(factors.features(), kLanes);
  for (int64_t t = begin; t < end; ++t, rows += stride) {
    write_row_sum(
        factors.last() - first, [&](int64_t s) { return factors.a(t, first + s) * scale; },
        [&](int64_t s) { return factors.b(t, first + s); }, factors.features(), rows);
  }
}

// From gradients of what materialize() gave, [tokens, stride], to those of the factors.
inline void contract(const HeadFactors& factors, int64_t begin, int64_t end, float scale, const float* gradients,
                     int64_t stride, float* da, float* db) {
  const Floats d;
  const int64_t features = factors.features();
  for (int64_t t = begin; t < end; ++t, gradients += stride) {
    for (int64_t r = factors.first(); r < factors.last(); ++r) {
      const float* b = factors.b(t, r);
      float* b_gradient = db + factors.place_of_b(t, r);
      const Vector a = hn::Set(d, factors.a(t, r) * scale);
      Vector sum = hn::Zero(d);
      for (int64_t i = 0; i < features; i += kLanes) {
        const int64_t left = features - i;
        const Vector gradient = hn::Load(d, gradients + i);
        sum = hn::MulAdd(gradient, load_up_to(d, b + i, left), sum);
        store_up_to(hn::MulAdd(a, gradient, load_up_to(d, b_gradient + i, left)), d, b_gradient + i, left);
      }
      if (factors.has_a()) da[factors.place_of_a(t, r)] = scale * hn::GetLane(hn::SumOfLanes(d, sum));
    }
  }
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_ATTENTION_HEAD_FACTORS_INL_H_
