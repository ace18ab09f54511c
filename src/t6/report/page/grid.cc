#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "t6/core/error.h"
#include "t6/report/grid_page.h"
#include "t6/report/page/html.h"

namespace t6 {
namespace {

// Cells from pale to this run's colour; the number in each says the same without colours.
constexpr std::string_view kGridStyle = R"css(
.grid-page { overflow-x: auto; }
.grid-page table { border-collapse: separate; border-spacing: 2px; font-variant-numeric: tabular-nums; width: 100%; }
.grid-page th, .grid-page td { border: 0; vertical-align: middle; font-size: .8125rem; }
.grid-page th { font-weight: 400; color: var(--quiet); padding: 0 .5rem; white-space: nowrap; }
.grid-page th { text-align: right; width: 1%; }
.grid-page thead th { text-align: center; padding-bottom: .2rem; width: auto; }
.grid-page thead th:first-child { text-align: right; width: 1%; }
.grid-page td { text-align: center; min-width: 2.6rem; height: 2rem; border-radius: 3px; padding: 0; }
.grid-page td.none { background: var(--panel); color: var(--quiet); }
)css";

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
  const std::string title = escape_html(page.title);
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'\">\n<title>{}</title>\n<style>{}{}</style>\n</head>\n<body>\n"
      "<main>\n<h1>{}</h1>\n<p class=\"summary\">{}</p>\n<section "
      "class=\"grid-page\">\n{}</section>\n<footer>{}</footer>\n"
      "</main>\n</body>\n</html>\n",
      title, kReportStyle, kGridStyle, title, escape_html(page.summary), table(page), escape_html(page.note));
}

}  // namespace t6
