#include "t6/train/steps/label_order.h"

#include <algorithm>
#include <utility>

#include "t6/core/random.h"
#include "t6/train/steps/shuffled.h"

namespace t6 {
namespace {

constexpr int64_t kPool = 16;                 // passes
constexpr uint64_t kPoolStream = 1ULL << 63;  // apart from the epochs' streams

}  // namespace

LabelOrder::LabelOrder(std::vector<int64_t> lengths, int64_t batch, uint64_t seed)
    : lengths_(std::move(lengths)), batch_(batch), seed_(seed) {}

int64_t LabelOrder::document(int64_t number) const {
  const auto count = static_cast<int64_t>(lengths_.size());
  Random random(seed_, static_cast<uint64_t>(number / count));
  return static_cast<int64_t>(
      shuffled(static_cast<uint64_t>(number % count), static_cast<uint64_t>(count), random.next()));
}

std::vector<int64_t> LabelOrder::documents(int64_t pass) const {
  const int64_t pool = pass / kPool;
  std::vector<int64_t> all;
  for (int64_t i = 0; i < kPool * batch_; ++i) all.push_back(document(pool * kPool * batch_ + i));
  std::ranges::stable_sort(all, {}, [&](int64_t index) { return lengths_[static_cast<size_t>(index)]; });
  Random random(seed_, kPoolStream + static_cast<uint64_t>(pool));
  const auto part = static_cast<int64_t>(shuffled(static_cast<uint64_t>(pass % kPool), kPool, random.next()));
  return {all.begin() + part * batch_, all.begin() + (part + 1) * batch_};
}

}  // namespace t6
