// Factors of many tokens into a page of the cache.
#pragma once

#include <cstddef>
#include <cstdint>

#include "t6/numbers/cache_page.h"

namespace t6 {

// What write_token() leaves of tokens `slot` to slot + count (slot + count <= 64), the same bits of every finite
// number; factors: [count, vectors, width].
void write_tokens(const PagedStream& stream, std::byte* page, int64_t slot, int64_t count, const float* factors);

}  // namespace t6
