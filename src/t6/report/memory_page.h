// The page of `t6 bench memory`: how many tokens of each kind of attention a budget of memory holds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace t6 {

struct DecodeSpeed {
  int64_t context = 0;  // tokens in the cache before
  double token_s = 0;
};

// One kind in one type of cache.
struct MemoryRow {
  std::string kind, cache_type;
  int64_t heads = 0, parameters = 0, weight_bytes = 0;
  int64_t tokens = 0;               // in the cache at the end
  int64_t paged_tokens = 0;         // that the pages which were filled have room for
  int64_t resident_bytes = 0;       // of the whole process at the end, as the operating system counts it
  int64_t grown_bytes = 0;          // the part of it that came while pages were filled
  int64_t pass_bytes = 0;           // and while tokens were decoded: the table of the rotation above all
  int64_t formula_bytes = 0;        // per token, from the model's shapes
  std::vector<DecodeSpeed> speeds;  // by context; the last where the budget ended

  double measured_bytes() const;  // per token
  double apart_percent() const;   // measured above formula
};

struct MemoryReport {
  std::string preset, machine, method;  // the latter two as they are shown
  int64_t budget = 0;                   // bytes of cache
  std::vector<MemoryRow> rows;

  // The row of MHA in the same type of cache; null: not measured.
  const MemoryRow* baseline(const MemoryRow& row) const;
};

// HTML with everything inside it, as render_report() makes it.
std::string render_memory_page(const MemoryReport& report);

}  // namespace t6
