// Memory of its own on a cache line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace t6 {

constexpr int64_t kCacheLineBytes = 64;

// `bytes` bytes, not initialized, which live as long as the pointer or a copy of it. Sanitizers see who goes past them.
// Error: std::bad_alloc.
inline std::shared_ptr<std::byte> aligned_bytes(int64_t bytes) {
  constexpr auto kAlignment = static_cast<std::align_val_t>(kCacheLineBytes);
  auto* memory = static_cast<std::byte*>(::operator new(static_cast<size_t>(bytes), kAlignment));
  return {memory, [](std::byte* at) { ::operator delete(at, kAlignment); }};
}

}  // namespace t6
