// What AddressSanitizer is told of memory that is given out in parts. Without it these do nothing.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace t6 {

// Nothing is to touch these bytes, or may again.
inline void forbid([[maybe_unused]] const void* memory, [[maybe_unused]] int64_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_poison_memory_region(memory, static_cast<size_t>(bytes));
#endif
}
inline void allow([[maybe_unused]] const void* memory, [[maybe_unused]] int64_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(memory, static_cast<size_t>(bytes));
#endif
}

}  // namespace t6
