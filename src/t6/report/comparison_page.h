// The report of a comparison: many training runs as one HTML page that opens anywhere, offline.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace t6 {

struct ComparisonTable {
  std::string caption = {};
  std::vector<std::string> head = {};
  std::vector<std::vector<std::string>> rows = {};  // the first cell names the row
};

// Of a configuration; `colour` tells configurations apart and is the same in all pictures.
struct ComparisonCurve {
  std::string name;
  int colour = 0;
  bool chosen = true;                             // at its own learning rate: the others are drawn faint
  std::vector<std::pair<double, double>> points;  // training tokens, and nats per token or label, or per cent
};

// What a configuration's cache costs and what its loss is, or of classifiers its accuracy in per cent.
struct ComparisonPoint {
  std::string name, family;  // points of a family are joined
  int colour = 0;
  double bytes = 0, value = 0, half_width = 0;  // NaN: no interval
};

struct ComparisonPage {
  std::string name, summary;
  bool classifiers = false;        // losses are per label, and there are accuracies
  std::vector<std::string> notes;  // sentences that belong to the first table
  ComparisonTable results;
  std::vector<ComparisonCurve> curves;
  std::vector<ComparisonCurve> accuracies = {};  // of classifiers
  std::string baseline;
  std::vector<ComparisonCurve> differences;  // to the baseline's curve
  std::vector<ComparisonPoint> points;
  std::string cache_type;                // "bfloat16"
  std::vector<ComparisonTable> details;  // sizes, learning rates, runs
  std::string experiment;                // the file, as text
};

// The page, HTML with everything inside it. A pure function; every text is escaped.
std::string render_comparison_page(const ComparisonPage& page);

}  // namespace t6
