// Memory for weights on large pages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace t6 {

// `bytes` bytes, not initialized, on a cache line. They live as long as the pointer or a copy of it. Decoding reads all
// weights for each token, and with pages of 4 KiB a twentieth of the time goes into looking up where those lie; so
// matrices share chunks of memory for which the system is asked to use large pages. Error: no memory.
std::shared_ptr<std::byte> allocate_weights(int64_t bytes);

}  // namespace t6
