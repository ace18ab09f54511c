// Memory on large pages of the system.
#pragma once

#include <cstddef>
#include <cstdint>

namespace t6 {

// Of x86-64; elsewhere what is asked for is a hint that may come to nothing.
constexpr int64_t kLargePageBytes = int64_t{2} << 20;

// `bytes` zeros that begin with a large page. They take memory where they are touched, a large page at a time, or in
// small ones where the system has no large one at hand. Decoding reads all weights and the cache for each token, and
// of pages of 4 KiB each would have to be looked up.
class LargePages {
 public:
  // Error: no memory.
  explicit LargePages(int64_t bytes);
  ~LargePages();
  LargePages(const LargePages&) = delete;
  LargePages& operator=(const LargePages&) = delete;

  std::byte* data() const { return data_; }

 private:
  void* mapped_ = nullptr;
  size_t mapped_bytes_ = 0;
  std::byte* data_ = nullptr;
};

}  // namespace t6
