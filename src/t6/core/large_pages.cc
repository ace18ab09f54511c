#include "t6/core/large_pages.h"

#include <sys/mman.h>

#include <memory>

#include "t6/core/error.h"
#include "t6/core/units.h"

namespace t6 {

LargePages::LargePages(int64_t bytes) : mapped_bytes_(static_cast<size_t>(bytes + kLargePageBytes)) {
  mapped_ = mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  require(mapped_ != MAP_FAILED, "no memory for {}", format_bytes(static_cast<double>(bytes)));
  void* begin = mapped_;
  size_t room = mapped_bytes_;
  data_ = static_cast<std::byte*>(std::align(kLargePageBytes, static_cast<size_t>(bytes), begin, room));
  (void)madvise(data_, static_cast<size_t>(bytes), MADV_HUGEPAGE);  // a system without them is only slower
}

LargePages::~LargePages() { munmap(mapped_, mapped_bytes_); }

}  // namespace t6
