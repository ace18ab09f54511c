// Line charts for the run report: HTML labels around an SVG that stretches to any width, so that text keeps its size
// on a phone and lines keep their thickness.
#pragma once

#include <string>
#include <vector>

#include "t6/report/page/numbers.h"

namespace t6 {

struct Series {
  enum class Mark { faint_line, line, dots };  // faint lines have no read-out; dots carry their values

  std::string name;
  Mark mark = Mark::line;
  // A line is broken where y is not finite (or, on a logarithmic axis, below 1e-30).
  std::vector<Point> points;
};

struct Chart {
  enum class Size { small, large };

  std::string title = {}, note = {};  // the note stands small beside the title
  std::string x_name = {};
  std::vector<Series> series = {};
  bool logarithmic = false;  // the y axis
  bool logarithmic_x = false;
  bool from_zero = false;  // a linear y axis begins at 0
  Size size = Size::small;
};

// A <figure>. Without a drawable point it says so in place of the plot.
std::string render_chart(const Chart& chart);

}  // namespace t6
