// Memory for weights on large pages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace t6 {

// `bytes` bytes, not initialized, on a cache line. They live as long as the pointer or a copy of it. Matrices share
// chunks on large pages (core/large_pages.h). Error: no memory.
std::shared_ptr<std::byte> allocate_weights(int64_t bytes);

}  // namespace t6
