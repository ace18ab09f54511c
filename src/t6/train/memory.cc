#include "t6/train/memory.h"

#include <malloc.h>

namespace t6 {

void return_large_blocks() { ::mallopt(M_MMAP_THRESHOLD, 4 << 20); }

}  // namespace t6
