// The report's section on training: what metrics.jsonl holds, as charts and a table.
#pragma once

#include <string>

#include "t6/report/report.h"

namespace t6 {

std::string render_curves(const ReportData& data);

}  // namespace t6
