#include "t6/train/distributed/gradient_sum.h"

#include <algorithm>
#include <numeric>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>
#include <utility>

#include "t6/core/stopwatch.h"

namespace t6 {
namespace {

constexpr int64_t kLargestBucket = 4 << 20, kSmallestBucket = 64 << 10;  // bytes
constexpr int64_t kBuckets = 16;                                         // of models between these

// Versions of LibTorch differ by an argument.
template <typename Reducer = c10d::Reducer, typename... Args>
std::unique_ptr<Reducer> make_reducer(Args... args) {
  if constexpr (std::is_constructible_v<Reducer, Args..., std::vector<int64_t>>) {
    return std::make_unique<Reducer>(std::move(args)..., std::vector<int64_t>());
  } else {
    return std::make_unique<Reducer>(std::move(args)...);
  }
}

}  // namespace

// Sums a buffer; what is known when the last one's gradients are there goes into the counters.
class GradientSum::Hook : public c10d::CommHookInterface {
 public:
  explicit Hook(Ranks& ranks) : ranks_(ranks) {}

  c10::intrusive_ptr<c10::ivalue::Future> runHook(c10d::GradBucket& bucket) override {
    std::vector<torch::Tensor> buffers = {bucket.getBufferRef()};
    if (bucket.isLast()) {
      for (const auto& [future, bytes] : sums_) counters_.hidden_bytes += future->completed() ? bytes : 0;
      waiting_ = Stopwatch();
    }
    auto future = ranks_.group()->allreduce(buffers)->getFuture();
    const auto bytes = static_cast<double>(buffers[0].nbytes());
    counters_.reduced_bytes += bytes;
    sums_.emplace_back(future, bytes);
    return future;
  }

  torch::Tensor parseHookResult(const c10::IValue& result) override {
    return c10d::detail::parseCppCommHookResult(result);
  }

  void end() {
    counters_.waited_seconds = waiting_.seconds();
    ranks_.count(std::exchange(counters_, {}));
    sums_.clear();
  }

 private:
  Ranks& ranks_;
  std::vector<std::pair<c10::intrusive_ptr<c10::ivalue::Future>, double>> sums_;  // of this pass
  Communication counters_;
  Stopwatch waiting_;  // since there was nothing left to compute
};

std::vector<std::vector<size_t>> gradient_buckets(const std::vector<int64_t>& bytes) {
  const int64_t all = std::accumulate(bytes.begin(), bytes.end(), int64_t{0});
  const int64_t wanted = std::clamp(all / kBuckets, kSmallestBucket, kLargestBucket);
  std::vector<std::vector<size_t>> buckets;
  int64_t filled = wanted;
  for (size_t i = bytes.size(); i-- > 0;) {
    if (filled >= wanted) {
      buckets.emplace_back();
      filled = 0;
    }
    buckets.back().push_back(i);
    filled += bytes[i];
  }
  return buckets;
}

GradientSum::GradientSum(const torch::OrderedDict<std::string, torch::Tensor>& parameters, Ranks& ranks)
    : ranks_(ranks) {
  if (ranks.size() == 1) return;
  std::vector<torch::Tensor> tensors = parameters.values();
  std::vector<int64_t> bytes;
  std::unordered_map<size_t, std::string> names;
  for (const auto& item : parameters) {
    names[bytes.size()] = item.key();
    bytes.push_back(static_cast<int64_t>(item.value().nbytes()));
  }
  const std::vector<bool> sparse(tensors.size(), false);
  reducer_ = make_reducer(std::move(tensors), gradient_buckets(bytes), ranks.group(), sparse, kLargestBucket,
                          /*find_unused_parameters=*/false, /*gradient_as_bucket_view=*/true, names, kLargestBucket,
                          /*skip_all_reduce_unused_params=*/false, /*use_python_reducer=*/false);
  auto hook = std::make_unique<Hook>(ranks);
  hook_ = hook.get();
  reducer_->register_comm_hook(std::move(hook));
}

GradientSum::~GradientSum() = default;

void GradientSum::begin() {
  if (!reducer_) return;
  // Also forgets the order in which the last gradients came: buffers stay as they are, so that a run that is resumed
  // adds in the order of one that was not.
  reducer_->reset_state();
  reducer_->prepare_for_backward({});
}

void GradientSum::end() {
  if (!reducer_) return;
  reducer_->check_finalized();
  hook_->end();
}

}  // namespace t6
