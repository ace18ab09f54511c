// Memory for the pages of caches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace t6 {

// `bytes` zeros on a cache line, which live as long as the pointer or a copy of it. Pages of one size, whatever caches
// they are of, share slabs on large pages (core/large_pages.h). What is given back is used again before anything new,
// and a slab goes with the last of its pages. On any thread. Error: no memory.
std::shared_ptr<std::byte> allocate_page(int64_t bytes);

}  // namespace t6
