#include "t6/kernels/linear/weight_memory.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "t6/core/aligned_bytes.h"
#include "t6/core/large_pages.h"
#include "t6/core/rounding.h"

namespace t6 {
namespace {

// What is left over of one is small beside a model, and is never touched.
constexpr int64_t kChunk = 16 * kLargePageBytes;
// Below this a matrix has memory of its own, where sanitizers see who reads past its end.
constexpr int64_t kSmall = int64_t{64} << 10;

class Chunk {
 public:
  explicit Chunk(int64_t size) : memory_(size), begin_(memory_.data()), left_(size) {}

  // Null when there is no room.
  std::byte* take(int64_t bytes) {
    if (bytes > left_) return nullptr;
    left_ -= bytes;
    return std::exchange(begin_, begin_ + bytes);
  }

 private:
  LargePages memory_;
  std::byte* begin_;  // of what is left
  int64_t left_;
};

}  // namespace

std::shared_ptr<std::byte> allocate_weights(int64_t bytes) {
  if (bytes < kSmall) return aligned_bytes(bytes);
  static std::mutex mutex;
  static std::weak_ptr<Chunk> last;  // it goes with the last matrix in it
  const std::lock_guard lock(mutex);
  const int64_t size = round_up(bytes, kCacheLineBytes);
  std::shared_ptr<Chunk> chunk = last.lock();
  std::byte* begin = chunk ? chunk->take(size) : nullptr;
  if (!begin) {
    chunk = std::make_shared<Chunk>(std::max(kChunk, round_up(size, kLargePageBytes)));
    last = chunk;
    begin = chunk->take(size);
  }
  return {chunk, begin};
}

}  // namespace t6
