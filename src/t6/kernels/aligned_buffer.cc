#include "t6/kernels/aligned_buffer.h"

#include <hwy/aligned_allocator.h>

#include <cstddef>

#include "t6/core/error.h"
#include "t6/core/units.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size)
#define ASAN_UNPOISON_MEMORY_REGION(address, size)
#endif

namespace t6 {

void AlignedBuffer::Release::operator()(float* data) const { hwy::FreeAlignedBytes(data, nullptr, nullptr); }

float* AlignedBuffer::reserve(int64_t size) {
  if (size > size_) grow(size);
  ASAN_UNPOISON_MEMORY_REGION(data_.get(), static_cast<size_t>(size) * sizeof(float));
  ASAN_POISON_MEMORY_REGION(data_.get() + size, static_cast<size_t>(size_ - size) * sizeof(float));
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
