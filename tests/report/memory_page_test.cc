#include "t6/report/memory_page.h"

#include <gmock/gmock.h>

#include <string>

namespace t6 {
namespace {

using testing::HasSubstr;
using testing::Not;

MemoryReport report() {
  MemoryReport report{
      .preset = "small", .machine = "a <processor>", .method = "decoded & timed", .budget = 1 << 30, .rows = {}};
  for (const auto& [kind, cache, tokens, formula] :
       {std::tuple("mha", "int8", 1000, 400), {"tpa", "int8", 4000, 100}, {"tpa", "int4", 7680, 52}}) {
    report.rows.push_back({.kind = kind,
                           .cache_type = cache,
                           .heads = 12,
                           .parameters = 1'000'000,
                           .tokens = tokens,
                           .paged_tokens = tokens,
                           .resident_bytes = 3 << 20,
                           .grown_bytes = int64_t{tokens} * formula,
                           .formula_bytes = formula,
                           .speeds = {{1000, 0.5}, {tokens, 4}}});
  }
  return report;
}

TEST(MemoryPage, ComparesWithMhaInTheSameTypeOfCache) {
  const MemoryReport data = report();
  EXPECT_EQ(data.baseline(data.rows[1]), &data.rows[0]);
  EXPECT_EQ(data.baseline(data.rows[2]), nullptr);
  const std::string page = render_memory_page(data);
  EXPECT_THAT(page, HasSubstr("small: tokens in 1.00 GiB of cache"));
  EXPECT_THAT(page, HasSubstr("<td>4.00 x</td>"));
  EXPECT_THAT(page, HasSubstr("<td>75.0 %</td>"));
  EXPECT_THAT(page, HasSubstr("1,000</th><th scope=\"col\">where the budget ends</th>"));
  EXPECT_THAT(page, HasSubstr("<td>int4</td><td>2</td><td>0.25</td>"));
  EXPECT_THAT(page, HasSubstr("a &lt;processor&gt;"));
  EXPECT_THAT(page, HasSubstr("decoded &amp; timed"));
  EXPECT_THAT(page, Not(HasSubstr("://")));
}

TEST(MemoryPage, MeasuresAboveTheFormula) {
  MemoryRow row = report().rows[0];
  EXPECT_EQ(row.apart_percent(), 0);
  row.grown_bytes = row.grown_bytes * 101 / 100;
  EXPECT_NEAR(row.apart_percent(), 1, 1e-9);
  EXPECT_EQ(MemoryRow().measured_bytes(), 0);
}

}  // namespace
}  // namespace t6
