#include "t6/model/presets.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "t6/core/error.h"
#include "t6/model/costs.h"

namespace t6 {
namespace {

// Tables 9 and 10 of the paper, computed from the sizes that they list.
TEST(Presets, HaveThePapersParameters) {
  const std::pair<const char*, int64_t> counts[] = {
      {"small-mha", 123568128},  {"small-mqa", 123568128},  {"small-gqa", 123568128},
      {"small-mla", 121512960},  {"small-tpa", 124342272},  {"small-tpa_kvonly", 124379136},
      {"medium-mha", 353452032}, {"medium-mqa", 353452032}, {"medium-gqa", 353452032},
      {"medium-mla", 417976320}, {"medium-tpa", 353992704}, {"medium-tpa_kvonly", 353157120},
      {"large-mha", 772131840},  {"large-mqa", 772131840},  {"large-gqa", 772131840},
      {"large-mla", 909321216},  {"large-tpa", 773698560},  {"large-tpa_kvonly", 773053440},
      {"xl-mha", 1554892800},    {"xl-mqa", 1554892800},    {"xl-gqa", 1554892800},
      {"xl-mla", 1810065408},    {"xl-tpa", 1555814400},    {"xl-tpa_kvonly", 1559500800},
  };
  for (const auto& [name, count] : counts) EXPECT_EQ(parameter_count(preset(name)), count) << name;
}

TEST(Presets, SmallOnesAreOfOneSize) {
  for (const std::string size : {"nano", "micro"}) {
    const auto reference = static_cast<double>(parameter_count(preset(size + "-mha")));
    for (const std::string& name : preset_names()) {
      if (!name.starts_with(size + "-")) continue;
      EXPECT_NEAR(static_cast<double>(parameter_count(preset(name))) / reference, 1, 0.01) << name;
    }
  }
  EXPECT_THROW(preset("nano-xyz"), Error);
}

}  // namespace
}  // namespace t6
