#include "t6/report/comparison_page.h"

#include <gmock/gmock.h>

#include <limits>
#include <set>
#include <string>

#include "tests/report/page_checks.h"

namespace t6 {
namespace {

using testing::HasSubstr;
using testing::Not;

ComparisonPage sample() {
  return {.name = "ranks <&>",
          .summary = "Two models.",
          .notes = {"A note & more."},
          .results = {.caption = "", .head = {"model", "loss"}, .rows = {{"mha", "2.5"}, {"tpa", "2.4"}}},
          .curves = {{"mha", 0, true, {{100, 5}, {200, 2.5}}},
                     {"tpa", 1, true, {{100, 4}, {200, 2.4}}},
                     {"tpa", 1, false, {{200, 3}}}},
          .baseline = "mha",
          .differences = {{"tpa", 1, true, {{100, -1}, {200, -0.1}}}},
          .points = {{"mha", "mha", 0, 3072, 2.5, 0.01},
                     {"tpa-k_rank=1", "tpa", 1, 600, 2.6, kNaN},
                     {"tpa-k_rank=2", "tpa", 2, 1200, 2.4, 0.02}},
          .cache_type = "bfloat16",
          .details = {{.caption = "Sizes", .head = {"model"}, .rows = {{"mha"}}}},
          .experiment = "[compare]\n# a <b>\n"};
}

TEST(Comparison, ShowsAllParts) {
  const std::string html = render_comparison_page(sample());
  EXPECT_THAT(html, HasSubstr("<title>ranks &lt;&amp;&gt; · T6 comparison</title>"));
  EXPECT_THAT(html, HasSubstr("A note &amp; more."));
  EXPECT_THAT(html, HasSubstr("<b>Validation loss</b>"));
  EXPECT_THAT(html, HasSubstr("<b>Difference to mha</b>"));
  EXPECT_THAT(html, HasSubstr("bytes of cache per token (bfloat16), logarithmic"));
  EXPECT_THAT(html, HasSubstr("data-log-x=\"1\""));
  EXPECT_EQ(count_of(html, "class=\"label right tint"), 3u);
  EXPECT_THAT(html, HasSubstr("[compare]\n# a &lt;b&gt;\n"));
  EXPECT_EQ(count_of(html, "<g class=\"line tint t1\" data-name=\"tpa\">"), 2u);
  EXPECT_EQ(count_of(html, "<g class=\"faint tint t1\""), 2u);  // the other rate, and the family's line
  EXPECT_EQ(count_of(html, "<g class=\"dots tint"), 3u);
  EXPECT_EQ(count_of(html, "/><polyline"), 2u);  // an interval and its dot
}

TEST(Comparison, KeepsLabelsApartWherePointsLieOnEachOther) {
  ComparisonPage page = sample();
  for (ComparisonPoint& point : page.points) point.bytes = 1000, point.value = 2, point.half_width = kNaN;
  page.points.push_back({"another", "another", 3, 1000, 2, kNaN});
  page.points.push_back({"last", "last", 4, 1000, 2, kNaN});
  const std::string html = render_comparison_page(page);
  std::set<std::string> places;
  const std::string begin = "class=\"label ";
  for (size_t at = html.find(begin); at != std::string::npos; at = html.find(begin, at + 1)) {
    const std::string side = html.substr(at + begin.size(), html.find(' ', at + begin.size()) - at - begin.size());
    places.insert(side + html.substr(html.find("style=", at), html.find('>', at) - html.find("style=", at)));
  }
  EXPECT_EQ(places.size(), 5u);
}

TEST(Comparison, ReachesForNothingOutside) {
  const std::string html = render_comparison_page(sample());
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
  for (const char* word : {"http:", "https:", "src=", "@import", "url("})
    EXPECT_THAT(html, Not(HasSubstr(word))) << word;
}

TEST(Comparison, WithoutResultsIsAPage) {
  ComparisonPage page = sample();
  page.curves.clear();
  page.differences.clear();
  for (ComparisonPoint& point : page.points) point.value = kNaN;
  EXPECT_THAT(render_comparison_page(page), HasSubstr("Nothing to draw yet."));
}

}  // namespace
}  // namespace t6
