#include "t6/report/memory_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "t6/core/units.h"
#include "t6/report/page/html.h"

namespace t6 {
namespace {

// A group of bars for each kind, in the order in which kinds were measured, a bar for each type of cache.
template <typename Value>
std::vector<BarGroup> bars_of(const MemoryReport& report, Value value) {
  std::vector<BarGroup> groups;
  for (const MemoryRow& row : report.rows) {
    auto group = std::ranges::find(groups, row.kind, &BarGroup::heading);
    if (group == groups.end()) {
      const std::string note =
          fmt::format("{} heads, {} parameters", row.heads, format_count(static_cast<double>(row.parameters)));
      group = groups.insert(group, {row.kind, note, {}, row.kind.starts_with("tpa")});
    }
    group->bars.push_back({row.cache_type, static_cast<double>(value(row)), format_digits(value(row))});
  }
  return groups;
}

std::string table(const MemoryReport& report) {
  Table table{.head = {"kind", "cache", "tokens", "of MHA's", "less per token than MHA", "bytes per token, measured",
                       "by formula", "resident"},
              .rows = {},
              .numbers = true};
  for (const MemoryRow& row : report.rows) {
    const MemoryRow* mha = report.baseline(row);
    const auto part = [&](auto ours, auto theirs) { return static_cast<double>(ours) / static_cast<double>(theirs); };
    table.rows.push_back({row.kind, row.cache_type, format_digits(row.tokens),
                          mha ? fmt::format("{:.2f} x", part(row.tokens, mha->tokens)) : "-",
                          mha ? fmt::format("{:.1f} %", 100 - 100 * part(row.formula_bytes, mha->formula_bytes)) : "-",
                          fmt::format("{:.1f}", row.measured_bytes()), format_digits(row.formula_bytes),
                          format_bytes(static_cast<double>(row.resident_bytes))});
  }
  return render_table(table);
}

// A column for each context that some row came to before its end, and one for the ends.
std::string speeds(const MemoryReport& report) {
  std::set<int64_t> contexts;
  for (const MemoryRow& row : report.rows) {
    for (size_t i = 0; i + 1 < row.speeds.size(); ++i) contexts.insert(row.speeds[i].context);
  }
  Table table{.caption = "Tokens per second, by the tokens in the cache",
              .head = {"kind", "cache"},
              .rows = {},
              .numbers = true};
  for (const int64_t context : contexts) table.head.push_back(format_digits(context));
  table.head.emplace_back("where the budget ends");
  for (const MemoryRow& row : report.rows) {
    std::vector<std::string> cells = {row.kind, row.cache_type};
    for (const int64_t context : contexts) {
      const auto found = std::ranges::find(row.speeds, context, &DecodeSpeed::context);
      cells.push_back(found == row.speeds.end() ? "-" : format_rate(1 / found->token_s));
    }
    cells.push_back(row.speeds.empty() ? "-" : format_rate(1 / row.speeds.back().token_s));
    table.rows.push_back(std::move(cells));
  }
  return render_table(table);
}

}  // namespace

double MemoryRow::measured_bytes() const {
  return static_cast<double>(grown_bytes) / static_cast<double>(std::max<int64_t>(1, paged_tokens));
}

double MemoryRow::apart_percent() const {
  return 100 * (measured_bytes() / static_cast<double>(std::max<int64_t>(1, formula_bytes)) - 1);
}

const MemoryRow* MemoryReport::baseline(const MemoryRow& row) const {
  const auto found = std::ranges::find_if(
      rows, [&](const MemoryRow& other) { return other.kind == "mha" && other.cache_type == row.cache_type; });
  return found == rows.end() ? nullptr : &*found;
}

std::string render_memory_page(const MemoryReport& report) {
  const std::string budget = format_bytes(static_cast<double>(report.budget));
  const std::string title = fmt::format("{}: tokens in {} of cache", report.preset, budget);
  const std::string body = fmt::format(
      "<section>\n<h2>How far the budget goes</h2>\n<div class=\"pair\">\n<div><h3>Tokens <small>in {} of "
      "cache</small></h3>\n{}</div>\n<div><h3>Bytes per token <small>all layers, resident memory that came with the "
      "tokens</small></h3>\n{}</div>\n</div>\n</section>\n<section>\n<h2>Measured</h2>\n{}{}<p>{}</p>\n</section>\n",
      budget, render_bars(bars_of(report, [](const MemoryRow& row) { return row.tokens; })),
      render_bars(
          bars_of(report, [](const MemoryRow& row) { return static_cast<int64_t>(row.measured_bytes() + 0.5); })),
      table(report), speeds(report), escape_html(report.method));
  return render_page(
      {.title = title,
       .kicker = "T6 memory benchmark",
       .summary = report.machine,
       .body = body,
       .footer = "All kinds of a size have, as nearly as whole heads allow, the same number of parameters."});
}

}  // namespace t6
