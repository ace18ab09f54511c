// The allocator's settings for training.
#pragma once

namespace t6 {

// From here on, freed blocks of 4 MiB and more go back to the system instead of leaving holes in the heap that nothing
// fits: small-tpa at 512 tokens peaks at 2,362 MiB by it and at 2,593 without. Lower, more would be saved (2,248 at
// 1 MiB), but then the pages of small models' activations come and go at every step, which costs them a third of their
// speed.
void return_large_blocks();

}  // namespace t6
