// Memory for vectors.
#pragma once

#include <cstdint>
#include <memory>

namespace t6 {

// Grows to the largest size asked for and stays. Aligned for vectors; the contents are not kept.
class AlignedBuffer {
 public:
  // Under AddressSanitizer memory past `size` is not to be touched, however much there is. Error: no memory.
  float* reserve(int64_t size);
  float* data() const { return data_.get(); }

 private:
  struct Release {
    void operator()(float* data) const;
  };
  void grow(int64_t size);

  std::unique_ptr<float[], Release> data_;
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
