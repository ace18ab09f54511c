#include "t6/report/position_page.h"

#include <gmock/gmock.h>

namespace t6 {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

PositionPage sample_report() {
  return {.model = "runs/<tiny>",
          .text = "book.txt",
          .loss = 2.5,
          .bits_per_byte = 1.25,
          .tokens = 3000,
          .context = 1024,
          .stride = 512,
          .parts = {{1, 2, 3, 5.0}, {2, 4, 6, 4.0}, {512, 1025, 2991, 2.25}}};
}

TEST(PositionPage, HasAChartAndItsNumbers) {
  const std::string page = render_position_page(sample_report());
  EXPECT_THAT(page, AllOf(HasSubstr("<h1>runs/&lt;tiny&gt;</h1>"), HasSubstr("2.5000 nats per token"),
                          HasSubstr("data-log-x=\"1\""), HasSubstr("512 to 1,024"), HasSubstr("2,991"),
                          HasSubstr("9.4877")));  // e^2.25
  EXPECT_THAT(page, AllOf(Not(HasSubstr("http://")), Not(HasSubstr("https://")), Not(HasSubstr("<tiny>"))));
}

TEST(PositionPage, PlacesPointsByTheLogarithmOfTheirPosition) {
  PositionPage powers = sample_report();
  powers.parts = {{1, 2, 1, 5}, {10, 11, 1, 4}, {100, 101, 1, 3}};
  const std::string page = render_position_page(powers);
  EXPECT_THAT(page, AllOf(HasSubstr("points=\"0.00,"), HasSubstr(" 500.00,"), HasSubstr(" 1000.00,"),
                          HasSubstr(">10</span>"), HasSubstr(">100</span>")));
}

TEST(PositionPage, OneRangeAndNoneAreDrawnToo) {
  PositionPage one = sample_report();
  one.parts.resize(1);
  EXPECT_THAT(render_position_page(one), HasSubstr("<polyline"));
  one.parts.clear();
  EXPECT_THAT(render_position_page(one), HasSubstr("Nothing to draw yet."));
}

}  // namespace
}  // namespace t6
