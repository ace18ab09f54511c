#include "t6/report/page/chart.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/report/page_checks.h"

namespace t6 {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pointwise;

TEST(TicksTest, AreRoundAndInside) {
  EXPECT_THAT(nice_ticks(0, 24.6e6, 5), ElementsAre(0, 5e6, 10e6, 15e6, 20e6));
  EXPECT_THAT(nice_ticks(0, 1, 4), ElementsAre(0, 0.25, 0.5, 0.75, 1));
  const std::vector<double> wanted = {0.1, 0.2, 0.3};
  EXPECT_THAT(nice_ticks(0.05, 0.34, 3), Pointwise(DoubleNear(1e-12), wanted));
  EXPECT_THAT(nice_ticks(-1.5, 1.5, 3), ElementsAre(-1, 0, 1));
  EXPECT_FALSE(std::signbit(nice_ticks(-1e-12, 1, 4)[0]));
}

TEST(TicksTest, LogarithmicOnesThinOutAsTheRangeGrows) {
  EXPECT_THAT(logarithmic_ticks(0.9, 6, 7), ElementsAre(1, 1.5, 2, 3, 4, 5));
  EXPECT_THAT(logarithmic_ticks(0.5, 120, 7), ElementsAre(1, 3, 10, 30, 100));
  EXPECT_THAT(logarithmic_ticks(1, 1.05, 7), testing::SizeIs(testing::Ge(3u)));  // no power or half of one inside
  for (const double high : {2.0, 10.0, 1e3, 1e9, 1e30}) {
    const auto ticks = logarithmic_ticks(1, high, 5);
    EXPECT_THAT(ticks, testing::SizeIs(testing::AllOf(testing::Ge(2u), testing::Le(7u)))) << high;
    for (const double tick : ticks) EXPECT_TRUE(tick >= 1 && tick <= high * (1 + 1e-9)) << tick;
  }
}

TEST(ThinTest, KeepsSpikesAndGaps) {
  std::vector<Point> points;
  for (int i = 0; i < 1000; ++i) points.push_back({static_cast<double>(i), 1});
  points[333].y = 9;
  points[334].y = -9;
  for (int i = 500; i < 600; ++i) points[static_cast<size_t>(i)].y = kNaN;
  const auto kept = thin(points, 20);
  EXPECT_LE(kept.size(), 40u);
  double high = 0, low = 0, gaps = 0, before = -1;
  for (const Point& point : kept) {
    EXPECT_GT(point.x, before);
    before = point.x;
    if (std::isnan(point.y))
      ++gaps;
    else
      high = std::max(high, point.y), low = std::min(low, point.y);
  }
  EXPECT_EQ(high, 9);
  EXPECT_EQ(low, -9);
  EXPECT_EQ(gaps, 2);  // buckets of 50 points
  EXPECT_EQ(thin(points, 500).size(), 1000u);
}

TEST(SmoothTest, IsTheMeanOfNeighbours) {
  const std::vector<Point> points = {{0, 8}, {1, 4}, {2, 0}, {3, kNaN}, {4, 6}};
  const auto means = smooth(points, 1);
  EXPECT_EQ(means[0].y, 8);  // the first stays where it is
  EXPECT_EQ(means[1].y, 4);
  EXPECT_EQ(means[2].y, 2);  // of 4 and 0
  EXPECT_TRUE(std::isnan(means[3].y));
  EXPECT_EQ(means[4].y, 6);
}

TEST(ChartTest, PlacesPointsBetweenItsAxes) {
  const std::string html = render_chart({.title = "T",
                                         .x_name = "x",
                                         .series = {{"s", Series::Mark::line, {{0, 0}, {50, 5}, {100, 10}}}},
                                         .from_zero = true});
  // y reaches 6 % above the highest point.
  EXPECT_THAT(html, HasSubstr("<polyline points=\"0.00,1000.00 0.00,1000.00 500.00,528.30 1000.00,56.60 \"/>"));
  EXPECT_THAT(html, HasSubstr("data-x=\"0 100\" data-y=\"0 10.6\" data-log=\"0\""));
  EXPECT_THAT(html, HasSubstr("<span class=\"x\" style=\"left:50.00%\">50</span>"));
  EXPECT_THAT(html, HasSubstr("<span class=\"y\" style=\"top:100.00%\">0</span>"));
}

TEST(ChartTest, BreaksALineWhereAValueIsMissing) {
  Chart chart{.title = "T", .x_name = "x", .series = {{"s", Series::Mark::line, {{0, 1}, {1, 2}, {2, kNaN}, {3, 2}}}}};
  EXPECT_EQ(count_of(render_chart(chart), "<polyline"), 2u);
  chart.series[0].points[2].y = 0;
  EXPECT_EQ(count_of(render_chart(chart), "<polyline"), 1u);
  chart.logarithmic = true;  // has no zero
  EXPECT_EQ(count_of(render_chart(chart), "<polyline"), 2u);
}

TEST(ChartTest, WritesValuesBesideDotsAsFarAsThereIsRoom) {
  std::vector<Point> points;
  for (int i = 0; i <= 100; ++i) points.push_back({static_cast<double>(i), 2.0 + 0.001 * i});
  const std::string html = render_chart({.title = "T", .x_name = "x", .series = {{"v", Series::Mark::dots, points}}});
  EXPECT_EQ(count_of(html, "<polyline"), 101u);
  EXPECT_EQ(count_of(html, "class=\"value\""), 6u);
  EXPECT_THAT(html, HasSubstr(">2.100</span>"));  // the last is among them
}

TEST(ChartTest, LabelsOfAnAxisShareAUnit) {
  const std::string html =
      render_chart({.title = "T", .x_name = "x", .series = {{"s", Series::Mark::line, {{0, 1}, {1'200'000, 2}}}}});
  EXPECT_THAT(html, HasSubstr(">0.5 M</span>"));
  EXPECT_THAT(html, HasSubstr(">1 M</span>"));
  EXPECT_THAT(html, HasSubstr(">0</span>"));
}

TEST(ChartTest, SaysThatThereIsNothingToDraw) {
  const std::string html = render_chart({.title = "<T>", .series = {{"s", Series::Mark::line, {{0, kNaN}}}}});
  EXPECT_THAT(html, HasSubstr("Nothing to draw yet."));
  EXPECT_THAT(html, HasSubstr("&lt;T&gt;"));
  EXPECT_THAT(html, Not(HasSubstr("<svg")));
}

}  // namespace
}  // namespace t6
