#include "t6/train/steps/data.h"

#include <algorithm>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/random.h"
#include "t6/train/steps/shuffled.h"

namespace t6 {
Sequences::Sequences(const std::filesystem::path& path, std::string split, int64_t context, int64_t vocab_size)
    : path_(path), split_(std::move(split)), shards_(path, split_), context_(context), vocab_size_(vocab_size) {
  require(tokens() > context,
          "{}: the split \"{}\" has {} tokens; a sequence of train.context = {} and its target need {}", path.string(),
          split_, tokens(), context, context + 1);
}

std::vector<std::filesystem::path> Sequences::files() const {
  std::vector<std::filesystem::path> paths;
  for (const TokenShard& shard : shards_.shards()) paths.push_back(shard.path());
  return paths;
}

void Sequences::read(std::span<const int64_t> begins, std::span<int64_t> inputs, std::span<int64_t> targets) const {
  const auto length = static_cast<size_t>(context_);
  require(inputs.size() == begins.size() * length && targets.size() == inputs.size(),
          "{} sequences of {} tokens do not fit into {} inputs and {} targets", begins.size(), length, inputs.size(),
          targets.size());
  std::vector<int32_t> window(length + 1);
  for (size_t i = 0; i < begins.size(); ++i) {
    shards_.read(begins[i], window);
    for (size_t t = 0; t <= length; ++t) {
      require(window[t] >= 0 && window[t] < vocab_size_,
              "{}: token {} of the split \"{}\" is {}; the model's vocab_size is {}", path_.string(),
              begins[i] + static_cast<int64_t>(t), split_, static_cast<uint32_t>(window[t]), vocab_size_);
    }
    std::copy(window.begin(), window.end() - 1, inputs.begin() + static_cast<ptrdiff_t>(i * length));
    std::copy(window.begin() + 1, window.end(), targets.begin() + static_cast<ptrdiff_t>(i * length));
  }
}

// One sequence fewer than fit where that leaves room to move the cuts by a whole context.
ShuffledOrder::ShuffledOrder(int64_t tokens, int64_t context, uint64_t seed)
    : tokens_(tokens), context_(context), count_(std::max<int64_t>(1, (tokens - context) / context)), seed_(seed) {}

int64_t ShuffledOrder::begin(int64_t sequence) const {
  const int64_t epoch = sequence / count_;
  Random random(seed_, static_cast<uint64_t>(epoch));
  // A target follows the last token.
  const int64_t room = std::min(context_, tokens_ - count_ * context_);
  const auto offset = static_cast<int64_t>(random.below(static_cast<uint64_t>(room)));
  const uint64_t position =
      shuffled(static_cast<uint64_t>(sequence % count_), static_cast<uint64_t>(count_), random.next());
  return offset + static_cast<int64_t>(position) * context_;
}

std::vector<int64_t> even_begins(int64_t tokens, int64_t context, int64_t count) {
  const int64_t fitting = (tokens - 1) / context;
  if (count == 0 || count > fitting) count = fitting;
  std::vector<int64_t> begins;
  // The pieces' lengths differ by at most one and none is shorter than a sequence.
  for (int64_t i = 0; i < count; ++i) {
    begins.push_back((tokens - 1) / count * i + std::min(i, (tokens - 1) % count));
  }
  return begins;
}

}  // namespace t6
