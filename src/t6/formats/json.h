// JSON files, and Json itself: what makes values and looks into them. Headers that only name Json or take a JsonObject
// include json_object.h, which is far quicker to compile.
#pragma once

#include <nlohmann/json.hpp>

#include "t6/formats/json_object.h"
