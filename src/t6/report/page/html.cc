#include "t6/report/page/html.h"

#include <fmt/format.h>

#include <algorithm>

#include "t6/text/utf8.h"

namespace t6 {
namespace {

// U+2400 "NUL" to U+241F, and U+2421 "DEL": what browsers would drop or refuse, made visible.
void append_control(unsigned char c, std::string& out) { append_utf8(c == 0x7f ? 0x2421 : 0x2400 + c, out); }

}  // namespace

std::string escape_html(std::string_view text) {
  std::string valid, out;
  append_valid_utf8(text, valid);
  out.reserve(valid.size() + valid.size() / 8);
  for (const char c : valid) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (c == '\'') {
      out += "&#39;";
    } else if (c == '\r') {
      out += "&#13;";  // as itself it would be read as a newline
    } else if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f) {
      append_control(byte, out);
    } else {
      out += c;
    }
  }
  return out;
}

std::string render_table(const Table& table) {
  std::string html = table.numbers ? "<table class=\"numbers\">" : "<table>";
  if (!table.caption.empty()) html += "<caption>" + escape_html(table.caption) + "</caption>";
  if (!table.head.empty()) {
    html += "<thead><tr>";
    for (const auto& cell : table.head) html += "<th scope=\"col\">" + escape_html(cell) + "</th>";
    html += "</tr></thead>";
  }
  html += "<tbody>\n";
  for (const auto& row : table.rows) {
    html += "<tr>";
    for (size_t i = 0; i < row.size(); ++i) {
      html += i == 0 ? "<th scope=\"row\">" : "<td>";
      html += escape_html(row[i]);
      html += i == 0 ? "</th>" : "</td>";
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table>\n";
}

std::string render_bars(const std::vector<BarGroup>& groups) {
  double largest = 0;
  for (const auto& group : groups) {
    for (const auto& bar : group.bars) largest = std::max(largest, bar.value);
  }
  std::string html = "<table class=\"bars\">\n";
  for (const auto& group : groups) {
    html += group.own ? "<tbody class=\"own\">\n" : "<tbody>\n";
    if (!group.heading.empty()) {
      html += fmt::format("<tr><th colspan=\"3\" scope=\"rowgroup\">{} <small>{}</small></th></tr>\n",
                          escape_html(group.heading), escape_html(group.note));
    }
    for (const auto& bar : group.bars) {
      const double share = largest > 0 ? 100 * bar.value / largest : 0;
      html += fmt::format(
          "<tr><th scope=\"row\">{}</th><td class=\"bar\"><svg viewBox=\"0 0 100 1\" preserveAspectRatio=\"none\" "
          "aria-hidden=\"true\"><rect width=\"{:.2f}\" height=\"1\"/></svg></td><td>{}</td></tr>\n",
          escape_html(bar.label), share, escape_html(bar.text));
    }
    html += "</tbody>\n";
  }
  return html + "</table>\n";
}

// The page reaches for nothing outside itself, and the browser holds it to that.
const std::string_view kPageHead =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'\">\n";

std::string render_page(const Page& page) {
  const std::string title = escape_html(page.title), summary = escape_html(page.summary);
  return fmt::format(
      "{8}<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"description\" content=\"{1}\">\n"
      "<title>{0} · {2}</title>\n<style>{3}</style>\n</head>\n<body>\n<main>\n"
      "<header>\n<p class=\"kicker\">{2}</p>\n<h1>{0}</h1>\n<p class=\"summary\">{1}</p>\n{4}</header>\n"
      "{5}<footer>{6}</footer>\n</main>\n{7}</body>\n</html>\n",
      title, summary, escape_html(page.kicker), kReportStyle, page.header, page.body, escape_html(page.footer),
      page.has_charts ? fmt::format("<script>{}</script>\n", kReportScript) : "", kPageHead);
}

}  // namespace t6
