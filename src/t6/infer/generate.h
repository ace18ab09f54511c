// Continues a text: prefill, then one token at a time.
#pragma once

#include <functional>
#include <string_view>

#include "t6/infer/session.h"

namespace t6 {

// A session for one prompt. Errors: an empty prompt, one longer than the model's context, no token to generate, and
// those of Session::generate.
Generated generate(Context& context, const LoadedModel& loaded, std::string_view prompt, const GenerateOptions& options,
                   const std::function<void(std::string_view)>& show, const CacheOptions& cache = {});

}  // namespace t6
