#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "t6/core/error.h"
#include "t6/report/grid_page.h"
#include "t6/report/page/html.h"

namespace t6 {
namespace {

// Red to green through yellow; both ends are told apart by people who see no red or no green, being darker and lighter.
std::string cell(double share) {
  if (!(share >= 0)) return "<td class=\"none\">–</td>";
  const double value = std::min(share, 1.0);
  return fmt::format("<td style=\"background:hsl({:.0f} 60% {:.0f}%);color:#1b1d22\">{:.0f}</td>", 8 + 130 * value,
                     58 + 16 * value, std::nearbyint(100 * value));
}

std::string table(const GridPage& page) {
  std::string html = fmt::format("<table>\n<thead><tr><th scope=\"col\">{} \\ {}</th>", escape_html(page.row_name),
                                 escape_html(page.column_name));
  for (const std::string& column : page.columns) html += fmt::format("<th scope=\"col\">{}</th>", escape_html(column));
  html += "</tr></thead>\n<tbody>\n";
  for (size_t i = 0; i < page.rows.size(); ++i) {
    html += fmt::format("<tr><th scope=\"row\">{}</th>", escape_html(page.rows[i]));
    for (size_t j = 0; j < page.columns.size(); ++j) html += cell(page.shares[i * page.columns.size() + j]);
    html += "</tr>\n";
  }
  return html + "</tbody></table>\n";
}

}  // namespace

std::string render_grid_page(const GridPage& page) {
  require(page.shares.size() == page.rows.size() * page.columns.size(), "a grid of {} by {} with {} shares",
          page.rows.size(), page.columns.size(), page.shares.size());
  return render_page({.title = page.title,
                      .kicker = "T6 grid",
                      .summary = page.summary,
                      .body = "<section class=\"grid-page\">\n" + table(page) + "</section>\n",
                      .footer = page.note,
                      .has_charts = false});
}

}  // namespace t6
