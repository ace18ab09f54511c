#include "t6/kernels/aligned_buffer.h"

#include <hwy/aligned_allocator.h>

#include <cstddef>

#include "t6/core/error.h"
#include "t6/core/poison.h"
#include "t6/core/units.h"

namespace t6 {

void AlignedBuffer::Release::operator()(float* data) const { hwy::FreeAlignedBytes(data, nullptr, nullptr); }

float* AlignedBuffer::reserve(int64_t size) {
  if (size > size_) grow(size);
  constexpr int64_t kFloat = sizeof(float);
  allow(data_.get(), size * kFloat);
  forbid(data_.get() + size, (size_ - size) * kFloat);
  return data_.get();
}

void AlignedBuffer::grow(int64_t size) {
  const int64_t bytes = size * int64_t{sizeof(float)};
  data_.reset();
  size_ = 0;
  data_.reset(static_cast<float*>(hwy::AllocateAlignedBytes(static_cast<size_t>(bytes), nullptr, nullptr)));
  require(data_ != nullptr, "no memory for a buffer of {}", format_bytes(static_cast<double>(bytes)));
  size_ = size;
}

}  // namespace t6
