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

 private:
  hwy::AlignedFreeUniquePtr<float[]> data_;
  int64_t size_ = 0;
};

}  // namespace t6
