#include "t6/report/position_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "t6/core/units.h"
#include "t6/report/page/chart.h"
#include "t6/report/page/html.h"

namespace t6 {
namespace {

std::string summary(const PositionPage& report) {
  return fmt::format(
      "On {}: {:.4f} nats per token, perplexity {:.4f}, {:.4f} bits per byte, over {} tokens in windows of {} moved by "
      "{}.",
      report.text, report.loss, std::exp(report.loss), report.bits_per_byte, format_digits(report.tokens),
      format_digits(report.context), format_digits(report.stride));
}

std::string chart(const PositionPage& report) {
  std::vector<Point> points;
  for (const PositionPage::Part& part : report.parts) {
    const double last = static_cast<double>(part.end - 1);
    points.push_back({std::sqrt(static_cast<double>(part.begin) * last), part.loss});
  }
  return render_chart({.title = "Loss by position",
                       .note = "nats per token",
                       .x_name = "tokens before, logarithmic",
                       .series = {{"between ranges", Series::Mark::faint_line, points},
                                  {"loss of a range", Series::Mark::dots, points}},
                       .logarithmic_x = true,
                       .size = Chart::Size::large});
}

std::string numbers(const PositionPage& report) {
  Table table{.head = {"Tokens before", "Predicted", "Loss", "Perplexity"}, .numbers = true};
  for (const PositionPage::Part& part : report.parts) {
    const std::string first = format_digits(part.begin), last = format_digits(part.end - 1);
    table.rows.push_back({first == last ? first : fmt::format("{} to {}", first, last), format_digits(part.tokens),
                          fmt::format("{:.4f}", part.loss), fmt::format("{:.4f}", std::exp(part.loss))});
  }
  return render_table(table);
}

}  // namespace

std::string render_position_page(const PositionPage& report) {
  return render_page(
      {.title = report.model,
       .kicker = "T6 loss by position",
       .summary = summary(report),
       .body = "<section>\n" + chart(report) + numbers(report) + "</section>\n",
       .footer = "Each token but the first was predicted once, from the tokens before it in its window."});
}

}  // namespace t6
