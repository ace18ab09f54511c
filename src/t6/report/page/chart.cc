#include "t6/report/page/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "t6/report/page/html.h"
#include "t6/report/page/numbers.h"

namespace t6 {
namespace {

// The SVG's own units; preserveAspectRatio="none" stretches them to the plot.
constexpr double kUnits = 1000;
// Where a logarithmic axis ends at the latest: below any loss or gradient that means something.
constexpr double kSmallest = 1e-30;

struct Axis {
  double low = 0, high = 1;
  bool logarithmic = false;
  std::vector<double> ticks = {};

  bool holds(double value) const { return std::isfinite(value) && (!logarithmic || value >= kSmallest); }
  // 0 at `low`, 1 at `high`.
  double place(double value) const {
    if (logarithmic) return std::log(value / low) / std::log(high / low);
    return (value - low) / (high - low);
  }
};

// Some room around [low, high], and never an empty or nearly empty range.
void widen(Axis& axis, double below, double above) {
  if (axis.logarithmic) {
    const double span = std::max(std::log(axis.high / axis.low), 1e-3);
    axis.low *= std::exp(-below * span);
    axis.high *= std::exp(above * span);
    return;
  }
  const double magnitude = std::max(std::abs(axis.low), std::abs(axis.high));
  const double span = std::max(axis.high - axis.low, magnitude > kSmallest ? 1e-3 * magnitude : 1.0);
  axis.low -= below * span;
  axis.high += above * span;
}

// "20 M" beside "25 M": every label of an axis has the unit of its largest, on a logarithmic one its own.
std::string tick_label(double value, double largest) {
  constexpr std::array units = {"", " K", " M", " G", " T", " P", " E"};
  size_t unit = 0;
  for (; largest >= 1000 && unit + 1 < units.size(); ++unit) largest /= 1000, value /= 1000;
  return fmt::format("{:.10g}{}", value, value == 0 ? "" : units[unit]);
}

std::string value_label(double value) {
  return value < 1000 ? fmt::format("{:.3f}", value) : fmt::format("{:.4g}", value);
}

double top_percent(const Axis& y, double value) { return 100 * (1 - y.place(value)); }

std::string class_of(const Series& series) {
  constexpr std::array names = {"faint", "line", "dots"};
  const std::string mark = names[static_cast<size_t>(series.mark)];
  return series.colour ? fmt::format("{} tint t{}", mark, *series.colour % Series::kColours) : mark;
}

// A vertical bar about each dot.
std::string render_half_widths(const Series& series, const Axis& x, const Axis& y) {
  std::string html;
  for (size_t i = 0; i < std::min(series.points.size(), series.half_widths.size()); ++i) {
    const Point& point = series.points[i];
    const double low = point.y - series.half_widths[i], high = point.y + series.half_widths[i];
    if (!x.holds(point.x) || !y.holds(low) || !y.holds(high)) continue;
    html += fmt::format("<path d=\"M{0:.2f} {1:.2f}V{2:.2f}\"/>", kUnits * x.place(point.x),
                        kUnits * (1 - y.place(low)), kUnits * (1 - y.place(high)));
  }
  return html;
}

std::string render_lines(const Series& series, const Axis& x, const Axis& y) {
  std::string html = fmt::format("<g class=\"{}\" data-name=\"{}\">", class_of(series), escape_html(series.name));
  html += render_half_widths(series, x, y);
  bool open = false;
  for (const Point& point : series.points) {
    const bool drawn = x.holds(point.x) && y.holds(point.y);
    if (open && (!drawn || series.mark == Series::Mark::dots)) html += "\"/>", open = false;
    if (!drawn) continue;
    const std::string at = fmt::format("{:.2f},{:.2f} ", kUnits * x.place(point.x), kUnits * (1 - y.place(point.y)));
    if (!open) html += "<polyline points=\"" + at, open = true;  // a single point is a line to itself: a round dot
    html += at;
  }
  return html + (open ? "\"/></g>\n" : "</g>\n");
}

// Values beside dots, from the last one backwards, as many as stay apart on a phone.
std::string render_values(const Series& series, const Axis& x, const Axis& y) {
  constexpr double kApart = 0.19;  // of the width: room for a label on a phone
  std::string html;
  double last = std::numeric_limits<double>::infinity();
  for (auto point = series.points.rbegin(); point != series.points.rend(); ++point) {
    if (!x.holds(point->x) || !y.holds(point->y) || last - x.place(point->x) < kApart) continue;
    last = x.place(point->x);
    html += fmt::format("<span class=\"value\" style=\"left:{:.2f}%;top:{:.2f}%\">{}</span>", 100 * last,
                        top_percent(y, point->y), value_label(point->y));
  }
  return html;
}

// Where a label stands beside its dot, and its box in percent of a plot of common width.
struct LabelPlace {
  const char* side;  // a class of the style
  double left, top, width;
  double away = 0;  // how far below the dot
  static constexpr double kHeight = 5;

  bool meets(const LabelPlace& other) const {
    return left < other.left + other.width && other.left < left + width && top < other.top + kHeight &&
           other.top < top + kHeight;
  }
  bool is_inside() const { return left >= -2 && left + width <= 102 && top >= -5 && top <= 95; }
};

// Four sides, then further down and up beside it, for dots that lie on each other.
std::vector<LabelPlace> places_beside(double x, double y, const std::string& label) {
  const double width = 0.8 * static_cast<double>(label.size());
  std::vector<LabelPlace> places = {{"right", x + 1.2, y - 2.5, width},
                                    {"left", x - 1.2 - width, y - 2.5, width},
                                    {"below", x - width / 2, y + 2, width},
                                    {"above", x - width / 2, y - 7, width}};
  for (const double away : {5.0, -5.0, 10.0, -10.0, 15.0, -15.0}) {
    places.push_back({"right", x + 1.2, y - 2.5 + away, width, away});
    places.push_back({"left", x - 1.2 - width, y - 2.5 + away, width, away});
  }
  return places;
}

// Labels of all dots, each at the first side of its dot where it meets none before it.
std::string render_labels(const Chart& chart, const Axis& x, const Axis& y) {
  std::vector<LabelPlace> taken;
  std::string html;
  for (const Series& series : chart.series) {
    for (size_t i = 0; i < std::min(series.points.size(), series.labels.size()); ++i) {
      const Point& point = series.points[i];
      if (!x.holds(point.x) || !y.holds(point.y)) continue;
      const double left = 100 * x.place(point.x), top = top_percent(y, point.y);
      const auto places = places_beside(left, top, series.labels[i]);
      const auto free = std::ranges::find_if(places, [&](const LabelPlace& place) {
        return place.is_inside() && std::ranges::none_of(taken, [&](const auto& other) { return place.meets(other); });
      });
      taken.push_back(free == places.end() ? places[0] : *free);
      html += fmt::format("<span class=\"label {} tint t{}\" style=\"left:{:.2f}%;top:{:.2f}%\">{}</span>",
                          taken.back().side, series.colour.value_or(0) % Series::kColours, left,
                          top + taken.back().away, escape_html(series.labels[i]));
    }
  }
  return html;
}

std::string render_caption(const Chart& chart) {
  std::string html =
      fmt::format("<figcaption><b>{}</b> <small>{}</small>", escape_html(chart.title), escape_html(chart.note));
  if (chart.size == Chart::Size::large && chart.series.size() > 1) {
    html += "<span class=\"legend\">";
    for (const Series& series : chart.series) {
      if (series.name.empty() || !series.labels.empty()) continue;
      html += fmt::format("<span class=\"{}\">{}</span>", class_of(series), escape_html(series.name));
    }
    html += "</span>";
  }
  return html + "</figcaption>\n";
}

struct Axes {
  Axis x, y;
};

// Nothing when no series has a point that can be drawn.
std::optional<Axes> fit_axes(const Chart& chart) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Axis x{.low = chart.logarithmic_x ? kInfinity : 0, .high = -kInfinity, .logarithmic = chart.logarithmic_x};
  Axis y{.low = kInfinity, .high = -kInfinity, .logarithmic = chart.logarithmic};
  bool dots = false;
  for (const Series& series : chart.series) {
    for (size_t i = 0; i < series.points.size(); ++i) {
      const Point& point = series.points[i];
      if (!x.holds(point.x) || !y.holds(point.y)) continue;
      const double half =
          i < series.half_widths.size() && y.holds(point.y - series.half_widths[i]) ? series.half_widths[i] : 0;
      x.low = std::min(x.low, point.x), x.high = std::max(x.high, point.x);
      y.low = std::min(y.low, point.y - half), y.high = std::max(y.high, point.y + half);
      dots = dots || series.mark == Series::Mark::dots;
    }
  }
  if (!std::isfinite(x.high)) return std::nullopt;
  const bool labels = std::ranges::any_of(chart.series, [](const Series& series) { return !series.labels.empty(); });
  if (x.logarithmic && labels) x.low /= 1.25, x.high *= 1.25;  // room for what stands beside the outer dots
  if (x.high <= x.low) x.high = x.logarithmic ? 2 * x.low : x.low + 1;
  const bool zero = chart.from_zero && !chart.logarithmic && y.low >= 0;
  if (zero) y.low = 0;
  widen(y, zero ? 0 : dots ? 0.1 : 0.05, 0.06);  // dots carry their values below them

  const bool large = chart.size == Chart::Size::large;
  x.ticks = x.logarithmic ? logarithmic_ticks(x.low, x.high, large ? 7 : 4) : nice_ticks(x.low, x.high, large ? 5 : 3);
  y.ticks = y.logarithmic ? logarithmic_ticks(y.low, y.high, large ? 7 : 5) : nice_ticks(y.low, y.high, large ? 6 : 4);
  return Axes{x, y};
}

std::string render_plot(const Chart& chart, const Axis& x, const Axis& y) {
  std::string html = fmt::format(
      "<svg viewBox=\"0 0 {0} {0}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{1}\"><path class=\"grid\" "
      "d=\"",
      kUnits, escape_html(chart.title + " against " + chart.x_name));
  for (const double tick : y.ticks) html += fmt::format("M0 {:.2f}H{}", kUnits * (1 - y.place(tick)), kUnits);
  html += "\"/>\n";
  for (const Series& series : chart.series) html += render_lines(series, x, y);
  html += "</svg>";
  for (const double tick : y.ticks) {
    html += fmt::format("<span class=\"y\" style=\"top:{:.2f}%\">{}</span>", top_percent(y, tick),
                        tick_label(tick, y.ticks.back()));
  }
  for (const double tick : x.ticks) {
    html += fmt::format("<span class=\"x\" style=\"left:{:.2f}%\">{}</span>", 100 * x.place(tick),
                        tick_label(tick, x.logarithmic ? tick : x.ticks.back()));
  }
  for (const Series& series : chart.series) {
    if (series.mark == Series::Mark::dots && series.labels.empty()) html += render_values(series, x, y);
  }
  return html + render_labels(chart, x, y);
}

}  // namespace

std::string render_chart(const Chart& chart) {
  const bool large = chart.size == Chart::Size::large;
  const auto axes = fit_axes(chart);
  if (!axes) {
    return fmt::format("<figure class=\"chart\">{}<p class=\"empty\">Nothing to draw yet.</p></figure>\n",
                       render_caption(chart));
  }
  const auto& [x, y] = *axes;
  return fmt::format(
      "<figure class=\"chart{}\" data-x=\"{} {}\" data-y=\"{} {}\" data-log=\"{:d}\"{}>\n{}<div class=\"plot\">{}</div>"
      "<p class=\"axis\"><output></output><span>{}</span></p></figure>\n",
      large ? " large" : "", x.low, x.high, y.low, y.high, y.logarithmic, x.logarithmic ? " data-log-x=\"1\"" : "",
      render_caption(chart), render_plot(chart, x, y), escape_html(chart.x_name));
}

}  // namespace t6
