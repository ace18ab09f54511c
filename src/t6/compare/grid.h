// The models that a [[model]] of an experiment stands for: one for each combination of its lists.
#pragma once

#include <string>
#include <vector>

#include "t6/compare/experiment.h"

namespace t6 {

// `table` is a [[model]]. The keys in its list "together" go through their lists side by side; all others make every
// combination, the last key changing fastest. Names are the table's "name", or its preset's, and KEY=VALUE for each
// list. Errors begin with `source`: an empty list, lists of different lengths in "together", no name, a name that no
// folder could have.
std::vector<ModelEntry> expand_models(const Json& table, const std::string& source);

}  // namespace t6
