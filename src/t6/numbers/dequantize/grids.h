// The rows that GGUF's IQ types choose among: points of a lattice that lie well for weights. Facts of the format.
#pragma once

#include <cstdint>

namespace t6 {

// Eight digits of two bits, the first one lowest.
extern const uint16_t kIq2XxsGrid[256], kIq2XsGrid[512], kIq2SGrid[1024], kIq1Grid[2048];
// Four digits of three bits.
extern const uint16_t kIq3XxsGrid[256], kIq3SGrid[512];

}  // namespace t6
