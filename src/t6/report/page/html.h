// HTML for the run report: text made safe, tables, and the page's own style and script.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace t6 {

// `text` as HTML text or as an attribute in double quotes. Broken UTF-8 becomes U+FFFD and control characters become
// their visible pictures; newlines and tabs stay.
std::string escape_html(std::string_view text);

// Cells are plain text, escaped here; the first of each row is the row's heading. Columns after it are numbers, set
// to the right, when `numbers`.
struct Table {
  std::string caption = {};
  std::vector<std::string> head = {};  // empty: no heading row
  std::vector<std::vector<std::string>> rows = {};
  bool numbers = false;
};
std::string render_table(const Table& table);

// One bar of a bar chart: its length is `value` over the largest value of the chart.
struct Bar {
  std::string label;
  double value = 0;
  std::string text;  // the value as shown at the bar's end
};
// Bars under one heading; `own` sets them in the colour of this run.
struct BarGroup {
  std::string heading, note;  // either may be empty
  std::vector<Bar> bars;
  bool own = true;
};
std::string render_bars(const std::vector<BarGroup>& groups);

// A whole page with everything inside it. Title, kicker (what kind of page it is), summary and footer are plain text,
// escaped here; header and body are HTML.
struct Page {
  std::string title, kicker, summary, header = {}, body = {}, footer = {};
  bool has_charts = true;  // false: without the script that reads values out of them
};
std::string render_page(const Page& page);
// What every page begins with, and no other file.
extern const std::string_view kPageHead;

// The contents of the page's <style> and <script>. The script only reads values out of the charts under the
// pointer: the page is complete without it.
extern const std::string_view kReportStyle;
extern const std::string_view kReportScript;

}  // namespace t6
