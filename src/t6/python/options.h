// How a text is written, as Python's keyword arguments say it.
#pragma once

#include <nanobind/nanobind.h>

#include "t6/infer/load.h"
#include "t6/infer/sequence.h"

namespace t6 {

// What is not given, or None, is as the model's settings have it, else as GenerateOptions does. Errors: TypeError for a
// name that there is not, or a value of another type; those of a "stop_token" that is no token.
GenerateOptions python_options(const nanobind::dict& given, const LoadedModel& loaded);

}  // namespace t6
