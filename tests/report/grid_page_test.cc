#include "t6/report/grid_page.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/error_of.h"

namespace t6 {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(GridPage, HasACellForEachShare) {
  GridPage page{.title = "Found by <model>", .summary = "so & so", .column_name = "tokens", .row_name = "depth"};
  page.columns = {"1,024", "2,048"};
  page.rows = {"0 %", "50 %", "\"100\" %"};
  page.shares = {1, 0.5, 0, -1, 0.333, std::nan("")};
  const std::string html = render_grid_page(page);
  EXPECT_THAT(html, HasSubstr("Found by &lt;model&gt;"));
  EXPECT_THAT(html, HasSubstr("so &amp; so"));
  EXPECT_THAT(html, HasSubstr("<th scope=\"row\">&quot;100&quot; %</th>"));
  for (const char* cell : {">100</td>", ">50</td>", ">0</td>", ">33</td>"}) EXPECT_THAT(html, HasSubstr(cell));
  size_t missing = 0;
  for (size_t at = html.find("<td class=\"none\">"); at != std::string::npos;
       at = html.find("<td class=\"none\">", at + 1)) {
    ++missing;
  }
  EXPECT_EQ(missing, 2u);
  // Self-contained: nothing to fetch, nothing to run.
  for (const char* word : {"http:", "https:", "<script", "src=", "@import", "url("})
    EXPECT_THAT(html, Not(HasSubstr(word)));
}

TEST(GridPage, ANumberOfSharesThatDoesNotFitIsAnError) {
  EXPECT_THAT(error_of([] { (void)render_grid_page({.columns = {"a"}, .rows = {"b"}}); }), HasSubstr("1 by 1 with 0"));
}

}  // namespace
}  // namespace t6
