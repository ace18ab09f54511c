// Line charts for the reports: HTML labels around an SVG that stretches to any width, so that text keeps its size
// on a phone and lines keep their thickness.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "t6/report/page/numbers.h"

namespace t6 {

struct Series {
  // Faint lines have no read-out; dots carry their values, or their labels where there are some.
  enum class Mark { faint_line, line, dots };
  static constexpr int kColours = 8;

  std::string name;
  Mark mark = Mark::line;
  // A line is broken where y is not finite (or, on a logarithmic axis, below 1e-30).
  std::vector<Point> points;
  std::optional<int> colour = {};        // one of kColours (by its remainder); absent: the mark's own
  std::vector<double> half_widths = {};  // of dots: a bar so far up and down; NaN: none
  std::vector<std::string> labels = {};  // of dots, one a point
};

struct Chart {
  enum class Size { small, large };

  std::string title = {}, note = {};  // the note stands small beside the title
  std::string x_name = {};
  std::vector<Series> series = {};
  bool logarithmic = false;    // the y axis
  bool logarithmic_x = false;  // the x axis, which then begins at the first point
  bool from_zero = false;      // a linear y axis begins at 0
  Size size = Size::small;
};

// A <figure>. Without a drawable point it says so in place of the plot.
std::string render_chart(const Chart& chart);

}  // namespace t6
