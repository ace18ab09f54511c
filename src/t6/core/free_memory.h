// Memory that the allocator holds and nobody uses, given back to the system.
#pragma once

namespace t6 {

// After much was allocated in small pieces and freed, before much more is taken in large ones: the process is smaller
// by what was freed. Does nothing where the C library has no such call.
void give_back_free_memory();

}  // namespace t6
