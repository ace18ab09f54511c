// Memory for vectors.
#pragma once

#include <hwy/aligned_allocator.h>
#include <cstddef>
#include <cstdint>

namespace t6 {

// Grows to the largest size asked for and stays. Aligned for vectors; the contents are not kept.
class AlignedBuffer {
 public:
  float* reserve(int64_t size) {
    if (size > size_) data_ = hwy::AllocateAligned<float>(static_cast<size_t>(size_ = size));
    return data_.get();
  }
  float* data() const { return data_.get(); }

 private:
  hwy::AlignedFreeUniquePtr<float[]> data_;
  int64_t size_ = 0;
};

// Memory as other numbers.
inline uint16_t* reserve_halves(AlignedBuffer& buffer, int64_t count) {
  return reinterpret_cast<uint16_t*>(buffer.reserve((count + 1) / 2));
}
inline uint32_t* reserve_words(AlignedBuffer& buffer, int64_t count) {
  return reinterpret_cast<uint32_t*>(buffer.reserve(count));
}

}  // namespace t6
