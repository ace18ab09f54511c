// What the numbers of GGUF's blocks that consist of rows of a grid are.
#pragma once

#include "t6/numbers/blocks.h"

namespace t6 {

// `out` has room for the 256 numbers of a block.
void decode(const BlockIQ2XXS& block, float* out);
void decode(const BlockIQ2XS& block, float* out);
void decode(const BlockIQ2S& block, float* out);
void decode(const BlockIQ3XXS& block, float* out);
void decode(const BlockIQ3S& block, float* out);
void decode(const BlockIQ1S& block, float* out);
void decode(const BlockIQ1M& block, float* out);

}  // namespace t6
