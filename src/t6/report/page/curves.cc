#include "t6/report/page/curves.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "t6/core/units.h"
#include "t6/report/page/chart.h"
#include "t6/report/page/html.h"

namespace t6 {
namespace {

constexpr const char* kTokens = "training tokens";
// Enough for a wide screen; more would only make the page larger.
constexpr size_t kBuckets = 400;

template <typename Record>
std::vector<Point> points_of(const std::vector<Record>& all, double Record::*value) {
  std::vector<Point> points;
  for (const Record& record : all) points.push_back({static_cast<double>(record.tokens), record.*value});
  return points;
}

// Whether the values reach over more than `times` their smallest: then a logarithmic axis shows them better.
bool spans(const std::vector<Point>& points, double times) {
  double low = INFINITY, high = 0;
  for (const Point& point : points) {
    if (!std::isfinite(point.y) || point.y <= 0) continue;
    low = std::min(low, point.y), high = std::max(high, point.y);
  }
  return high > times * low;
}

// What was measured, faint, and a mean over a fiftieth of the run in front of it. The mean's radius is bounded, as it
// costs radius times points.
std::vector<Series> noisy_line(const std::string& name, const std::vector<Point>& points) {
  const size_t radius = std::min<size_t>(points.size() / 100, 200);
  if (radius == 0) return {{name, Series::Mark::line, points}};
  return {{name, Series::Mark::faint_line, thin(points, kBuckets)},
          {fmt::format("mean of {}", 2 * radius + 1), Series::Mark::line, thin(smooth(points, radius), kBuckets)}};
}

bool is_classifiers(const ReportData& data) { return data.model.is_classifier(); }

std::string accuracy_chart(const ReportData& data) {
  std::vector<Point> points = points_of(data.validation, &ValidationRecord::accuracy);
  for (Point& point : points) point.y *= 100;
  return render_chart({.title = "Accuracy",
                       .note = "per cent of the validation labels",
                       .x_name = kTokens,
                       .series = {{"validation", Series::Mark::line, thin(points, kBuckets)}}});
}

std::string loss_chart(const ReportData& data) {
  const auto training = points_of(data.training, &StepRecord::loss);
  const auto validation = points_of(data.validation, &ValidationRecord::loss);
  const bool logarithmic = spans(training, 2.5);
  const std::string unit = is_classifiers(data) ? "nats per label" : "nats per token";
  Chart chart{.title = "Loss",
              .note = unit + (logarithmic ? ", logarithmic" : ""),
              .x_name = kTokens,
              .series = noisy_line("training", training),
              .logarithmic = logarithmic,
              .size = Chart::Size::large};
  chart.series.push_back({"validation", Series::Mark::dots, validation});

  std::string html;
  const auto gaps = std::count_if(training.begin(), training.end(), [](const Point& p) { return !std::isfinite(p.y); });
  if (gaps > 0) {
    html = fmt::format(
        "<p class=\"warning\">{} of {} training lines have no finite loss: they are gaps in the curve.</p>\n",
        format_digits(gaps), format_digits(static_cast<int64_t>(training.size())));
  }
  return html + render_chart(chart);
}

std::string evaluations(const ReportData& data) {
  if (data.validation.empty()) return "";
  const auto shown = [](double value) { return std::isfinite(value) ? fmt::format("{:.4f}", value) : "–"; };
  const bool classifiers = is_classifiers(data);
  Table table{.head = {"Step", "Tokens", "Loss", classifiers ? "Accuracy" : "Bits per byte"}, .numbers = true};
  for (const auto& metrics : data.validation) {
    table.rows.push_back({format_digits(metrics.step), format_digits(metrics.tokens), shown(metrics.loss),
                          shown(classifiers ? metrics.accuracy : metrics.bits_per_byte)});
  }
  return fmt::format("<details><summary>Evaluations ({})</summary>\n{}</details>\n", table.rows.size(),
                     render_table(table));
}

std::string small_charts(const ReportData& data) {
  const auto rate = points_of(data.training, &StepRecord::learning_rate);
  const auto norm = points_of(data.training, &StepRecord::gradient_norm);
  const auto speed = points_of(data.training, &StepRecord::tokens_per_second);
  const bool wild = spans(norm, 20);
  return "<div class=\"small-charts\">\n" +
         render_chart({.title = "Learning rate",
                       .x_name = kTokens,
                       .series = {{"learning rate", Series::Mark::line, thin(rate, kBuckets)}},
                       .from_zero = true}) +
         render_chart({.title = "Gradient norm",
                       .note = wild ? "logarithmic" : "",
                       .x_name = kTokens,
                       .series = noisy_line("norm", norm),
                       .logarithmic = wild,
                       .from_zero = true}) +
         render_chart({.title = "Throughput",
                       .note = "tokens per second",
                       .x_name = kTokens,
                       .series = noisy_line("tokens per second", speed),
                       .from_zero = true}) +
         "</div>\n";
}

}  // namespace

std::string render_curves(const ReportData& data) {
  const std::string heading = "<section>\n<h2>Training</h2>\n";
  if (data.training.empty() && data.validation.empty()) {
    return heading + "<p>The run has written no metrics yet.</p>\n</section>\n";
  }
  return heading + loss_chart(data) + (is_classifiers(data) ? accuracy_chart(data) : "") + evaluations(data) +
         small_charts(data) + "</section>\n";
}

}  // namespace t6
