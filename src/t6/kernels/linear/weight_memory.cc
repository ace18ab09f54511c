#include "t6/kernels/linear/weight_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <mutex>
#include <new>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/rounding.h"

namespace t6 {
namespace {

constexpr int64_t kLargePage = int64_t{2} << 20;  // of x86-64; elsewhere a hint that may come to nothing
constexpr int64_t kChunk = 16 * kLargePage;  // what is left over of one is small beside a model, and is never touched
constexpr int64_t kCacheLine = 64;
// Below this a matrix has memory of its own, where sanitizers see who reads past its end.
constexpr int64_t kSmall = int64_t{64} << 10;

class Chunk {
 public:
  explicit Chunk(int64_t size) : mapped_(static_cast<size_t>(size + kLargePage)) {
    memory_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    require(memory_ != MAP_FAILED, "no memory for {} bytes of weights", size);
    void* begin = memory_;
    size_t room = mapped_;
    begin_ = static_cast<std::byte*>(std::align(kLargePage, static_cast<size_t>(size), begin, room));
    left_ = size;
    (void)madvise(begin_, static_cast<size_t>(size), MADV_HUGEPAGE);  // a system without them is only slower
  }
  ~Chunk() { munmap(memory_, mapped_); }
  Chunk(const Chunk&) = delete;
  Chunk& operator=(const Chunk&) = delete;

  // Null when there is no room.
  std::byte* take(int64_t bytes) {
    if (bytes > left_) return nullptr;
    left_ -= bytes;
    return std::exchange(begin_, begin_ + bytes);
  }

 private:
  void* memory_ = nullptr;
  size_t mapped_ = 0;
  std::byte* begin_ = nullptr;  // of what is left
  int64_t left_ = 0;
};

}  // namespace

std::shared_ptr<std::byte> allocate_weights(int64_t bytes) {
  if (bytes < kSmall) {
    const auto alignment = static_cast<std::align_val_t>(kCacheLine);
    auto* small = static_cast<std::byte*>(::operator new(static_cast<size_t>(bytes), alignment));
    return {small, [alignment](std::byte* memory) { ::operator delete(memory, alignment); }};
  }
  static std::mutex mutex;
  static std::weak_ptr<Chunk> last;  // it goes with the last matrix in it
  const std::lock_guard lock(mutex);
  const int64_t size = round_up(bytes, kCacheLine);
  std::shared_ptr<Chunk> chunk = last.lock();
  std::byte* begin = chunk ? chunk->take(size) : nullptr;
  if (!begin) {
    chunk = std::make_shared<Chunk>(std::max(kChunk, round_up(size, kLargePage)));
    last = chunk;
    begin = chunk->take(size);
  }
  return {chunk, begin};
}

}  // namespace t6
