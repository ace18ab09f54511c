// The memory of tensors in training.
#pragma once

namespace t6 {

// From here on, tensors of 1 MiB and more share one range of memory that stays the process's: the pages of a freed
// activation serve the next gradient. The heap would leave holes among small blocks, or give pages back to the system
// at every step and take them anew: small-tpa at 512 tokens peaks at 2,151 MiB by this and at 2,368 with the heap told
// to give back what is above 4 MiB, where pages cost a tenth of the step's time besides.
void share_large_blocks();

}  // namespace t6
