#include "t6/train/distributed/gradient_sum.h"

#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>
#include <utility>

#include "t6/core/stopwatch.h"

namespace t6 {
namespace {

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

// Sums the rank's part of a buffer; what is known when the last one's gradients are there goes into the counters.
class GradientSum::Hook : public c10d::CommHookInterface {
 public:
  Hook(const Layout& layout, Ranks& ranks) : layout_(layout), ranks_(ranks) {}

  c10::intrusive_ptr<c10::ivalue::Future> runHook(c10d::GradBucket& bucket) override {
    const torch::Tensor buffer = bucket.getBufferRef();
    if (bucket.isLast()) {
      for (const auto& [future, bytes] : sums_) counters_.hidden_bytes += future->completed() ? bytes : 0;
      waiting_ = Stopwatch();
    }
    const std::vector<torch::Tensor> parts = layout_.parts_of(bucket.getIndex(), buffer);
    std::vector<torch::Tensor> own = {parts[static_cast<size_t>(ranks_.rank())]};
    std::vector<std::vector<torch::Tensor>> all = {parts};
    const auto future = ranks_.group()->reduce_scatter(own, all)->getFuture();
    const auto bytes = static_cast<double>(buffer.nbytes());
    counters_.reduced_bytes += bytes;
    sums_.emplace_back(future, bytes);
    return future->then(
        [buffer](c10::ivalue::Future& sum) {
          if (sum.hasError()) std::rethrow_exception(sum.exception_ptr());
          return c10::IValue(std::vector<torch::Tensor>{buffer});
        },
        c10::ListType::create(c10::TensorType::get()));
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
  const Layout& layout_;
  Ranks& ranks_;
  std::vector<std::pair<c10::intrusive_ptr<c10::ivalue::Future>, double>> sums_;  // of this pass
  Communication counters_;
  Stopwatch waiting_;  // since there was nothing left to compute
};

GradientSum::GradientSum(const torch::OrderedDict<std::string, torch::Tensor>& parameters, const Layout& layout,
                         Ranks& ranks)
    : ranks_(ranks) {
  if (ranks.size() == 1) return;
  std::vector<torch::Tensor> tensors = parameters.values();
  std::vector<std::vector<size_t>> buckets;
  for (const Layout::Bucket& bucket : layout.buckets) buckets.push_back(bucket.parameters);
  std::unordered_map<size_t, std::string> names;
  for (const auto& item : parameters) names[names.size()] = item.key();
  const std::vector<bool> sparse(tensors.size(), false);
  reducer_ = make_reducer(std::move(tensors), std::move(buckets), ranks.group(), sparse,
                          int64_t{c10d::kDefaultBucketBytesCap}, /*find_unused_parameters=*/false,
                          /*gradient_as_bucket_view=*/true, names, int64_t{c10d::kDefaultFirstBucketBytes},
                          /*skip_all_reduce_unused_params=*/false, /*use_python_reducer=*/false);
  auto hook = std::make_unique<Hook>(layout, ranks);
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
