// The results of a comparison as tables, JSON and CSV.
#pragma once

#include <string>
#include <vector>

#include "t6/compare/plan.h"
#include "t6/compare/results.h"
#include "t6/formats/json.h"
#include "t6/report/comparison_page.h"

namespace t6 {

// Before anything is trained: each configuration's sizes, and what matching changed.
ComparisonTable sizes_table(const Plan& plan);
// A row for each configuration, at the learning rate that was chosen for it; "-" for what is not known yet.
ComparisonTable results_table(const Plan& plan, const std::vector<ConfigurationResult>& summary);
// Mean losses of the search seeds by learning rate, that of the chosen one marked with "*". No rows without a search.
ComparisonTable rates_table(const Plan& plan, const std::vector<ConfigurationResult>& summary);
// How the rates were chosen and intervals made, and what a reader must know before he trusts them: rates at the edge of
// the grid, runs that diverged or are missing, single seeds. A sentence or two each.
std::vector<std::string> result_notes(const Plan& plan, const std::vector<ConfigurationResult>& summary,
                                      const std::vector<RunResult>& results);

// Columns side by side for a terminal, the first to the left, the others to the right.
std::string text_of(const ComparisonTable& table);

// Every number: {"experiment", "models", "rates", "runs", "curves"}, the last four lists of flat objects. Null where
// there is none.
nlohmann::ordered_json results_json(const Plan& plan, const std::vector<ConfigurationResult>& summary,
                                    const std::vector<RunResult>& results);
// A list of flat objects with the same keys as CSV: a heading, then a line each.
std::string csv_of(const nlohmann::ordered_json& rows);

// The report's page. `file`: the experiment's file as text.
ComparisonPage comparison_page(const Plan& plan, const std::vector<ConfigurationResult>& summary,
                               const std::vector<RunResult>& results, const std::string& file);

}  // namespace t6
