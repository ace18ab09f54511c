// What attention asks of its arguments, checked at its door: a fixed number of comparisons for a sequence, and no
// memory.
#pragma once

#include "t6/kernels/attention.h"
#include "t6/kernels/attention_backward.h"

namespace t6 {

// Error: sizes that are not positive or do not go together, factors that are missing, streams of pages that are not the
// view's, one shift without the other.
void check_attention(const Attention& arguments);

// Error: as above, and whatever the backward pass does not do: work on b on use, pages, a window, a shift.
void check_attention_backward(const AttentionBackward& arguments);

}  // namespace t6
