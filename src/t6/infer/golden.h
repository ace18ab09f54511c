// Golden files: the reference's parameters, a batch, and the logits that the reference made of it.
#pragma once

#include <filesystem>

#include "t6/kernels/context.h"

namespace t6 {

// What is allowed: float32 sums in another order, through a few layers.
inline constexpr double kGoldenTolerance = 1e-4;

// The largest difference of our logits from the file's, of the largest logit's magnitude; NaN when one of
// them is not a number. Errors: those of the file, a
// tensor missing or of another shape or type.
double golden_error(Context& context, const std::filesystem::path& path);

}  // namespace t6
