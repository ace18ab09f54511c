// The page of a comparison, section by section.
#include "t6/report/comparison_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "t6/report/page/chart.h"
#include "t6/report/page/html.h"

namespace t6 {
namespace {

Series series_of(const ComparisonCurve& curve) {
  Series series = {.name = curve.name,
                   .mark = curve.chosen ? Series::Mark::line : Series::Mark::faint_line,
                   .points = {},
                   .colour = curve.colour};
  for (const auto& [tokens, loss] : curve.points) series.points.push_back({tokens, loss});
  return series;
}

// Whether losses reach over more than so many times the lowest: then a logarithmic axis shows them better.
bool spans(const std::vector<ComparisonCurve>& curves, double times) {
  double low = INFINITY, high = 0;
  for (const ComparisonCurve& curve : curves) {
    for (const auto& [tokens, loss] : curve.points) {
      if (std::isfinite(loss) && loss > 0) low = std::min(low, loss), high = std::max(high, loss);
    }
  }
  return high > times * low;
}

std::string curve_chart(const std::string& title, const std::string& note, const std::vector<ComparisonCurve>& curves,
                        bool logarithmic) {
  Chart chart = {.title = title,
                 .note = note,
                 .x_name = "training tokens",
                 .logarithmic = logarithmic,
                 .size = Chart::Size::large};
  // Faint ones behind the others.
  for (const bool chosen : {false, true}) {
    for (const ComparisonCurve& curve : curves) {
      if (curve.chosen == chosen) chart.series.push_back(series_of(curve));
    }
  }
  return render_chart(chart);
}

std::string curves(const ComparisonPage& page) {
  const bool logarithmic = spans(page.curves, 1.6);
  const bool faint = std::ranges::any_of(page.curves, [](const auto& curve) { return !curve.chosen; });
  std::string html =
      fmt::format("<section>\n<h2>Learning</h2>\n<p>Means over the seeds.{}</p>\n",
                  faint ? " Each model at the learning rate that was chosen for it; faint: at the others." : "");
  const std::string unit = page.classifiers ? "nats per label" : "nats per token";
  if (page.classifiers) html += curve_chart("Validation accuracy", "per cent", page.accuracies, false);
  html += curve_chart("Validation loss", unit + (logarithmic ? ", logarithmic" : ""), page.curves, logarithmic);
  if (!page.differences.empty()) {
    html += curve_chart((page.classifiers ? "Difference of losses to " : "Difference to ") + page.baseline,
                        unit + ", the same seeds; below 0 is better", page.differences, false);
  }
  return html + "</section>\n";
}

std::string memory(const ComparisonPage& page) {
  const bool accuracy = page.classifiers;
  Chart chart = {.title = accuracy ? "Validation accuracy against cache" : "Validation loss against cache",
                 .note = fmt::format("{} at the end, with 95 % intervals", accuracy ? "per cent" : "nats per token"),
                 .x_name = fmt::format("bytes of cache per token ({}), logarithmic", page.cache_type),
                 .logarithmic_x = true,
                 .size = Chart::Size::large};
  std::map<std::string, std::vector<ComparisonPoint>> families;
  for (const ComparisonPoint& point : page.points) families[point.family].push_back(point);
  for (auto& [family, points] : families) {
    if (points.size() < 2) continue;
    std::ranges::sort(points, {}, &ComparisonPoint::bytes);
    Series line = {.name = "", .mark = Series::Mark::faint_line, .points = {}, .colour = points.front().colour};
    for (const ComparisonPoint& point : points) line.points.push_back({point.bytes, point.value});
    chart.series.push_back(line);
  }
  for (const ComparisonPoint& point : page.points) {
    chart.series.push_back({.name = point.name,
                            .mark = Series::Mark::dots,
                            .points = {{point.bytes, point.value}},
                            .colour = point.colour,
                            .half_widths = {point.half_width},
                            .labels = {point.name}});
  }
  return fmt::format(
             "<section>\n<h2>What memory buys</h2>\n<p>Further left is less memory per token of context, further {} a "
             "better model. A model with another both to its left and {} it gives less for its memory.</p>\n",
             accuracy ? "up" : "down", accuracy ? "above" : "below") +
         render_chart(chart) + "</section>\n";
}

std::string wide_table(const ComparisonTable& table) {
  return "<div class=\"wide\">" +
         render_table({.caption = table.caption, .head = table.head, .rows = table.rows, .numbers = true}) + "</div>\n";
}

}  // namespace

std::string render_comparison_page(const ComparisonPage& page) {
  std::string body = "<section>\n<h2>Results</h2>\n" + wide_table(page.results);
  for (const std::string& note : page.notes) body += "<p>" + escape_html(note) + "</p>\n";
  body += "</section>\n" + memory(page) + curves(page) + "<section>\n<h2>Details</h2>\n";
  for (const ComparisonTable& table : page.details) body += wide_table(table);
  body += fmt::format(
      "<details><summary>The experiment's file</summary>\n<pre class=\"file\">{}</pre></details>\n</section>\n",
      escape_html(page.experiment));
  return render_page({.title = page.name,
                      .kicker = "T6 comparison",
                      .summary = page.summary,
                      .body = body,
                      .footer =
                          "Losses and rates are those that the runs wrote down; parameters and cache follow from the "
                          "models' shapes."});
}

}  // namespace t6
