#include "t6/ops/arguments/pages.h"

#include "t6/core/error.h"
#include "t6/ops/arguments/shapes.h"

namespace t6 {
namespace {

constexpr int64_t kMost = 1 << 20;  // heads, factors, features: what is beyond is no size of a model

NumberType stored_type(const char* op, const char* name, const torch::Tensor& pages) {
  switch (pages.scalar_type()) {
    case torch::kFloat:
      return NumberType::f32;
    case torch::kBFloat16:
      return NumberType::bf16;
    case torch::kHalf:
      return NumberType::f16;
    default:
      fail("{}: {} must be Float, BFloat16 or Half, not {}", op, name, toString(pages.scalar_type()));
  }
}

void check_integers(const char* op, const char* name, const torch::Tensor& tensor) {
  require(tensor.scalar_type() == torch::kLong || tensor.scalar_type() == torch::kInt,
          "{}: {} must be Long or Int, not {}", op, name, toString(tensor.scalar_type()));
}

}  // namespace

PageStreams page_streams(const char* op, const char* name, const FactorPages& pages, int64_t heads, PageSide side) {
  const auto& [numbers, rank, features] = pages;
  const NumberType type = stored_type(op, name, numbers);
  require(rank >= 1 && features >= 1 && rank <= kMost && features <= kMost && heads <= kMost,
          "{}: {} have {} factors of {} features for {} heads; wanted are 1 to {}", op, name, rank, features, heads,
          kMost);
  require(numbers.dim() == 2, "{}: {} must be [pages, numbers], not {}", op, name, shape_of(numbers));
  require(numbers.sym_stride(1) == 1 && (numbers.sym_size(0) <= 1 || numbers.sym_stride(0) >= numbers.sym_size(1)),
          "{}: the rows of {} must lie without gaps and apart from each other", op, name);
  const bool has_a = numbers.sym_size(1) == kPageTokens * rank * (heads + features);
  require(has_a || numbers.sym_size(1) == kPageTokens * rank * features,
          "{}: a page of {} must be 64 x {} x ({} + {}) numbers, or 64 x {} x {} without head factors, not {}", op,
          name, rank, heads, features, rank, features, shape_of(numbers));
  PageStreams streams;
  int64_t end = 0;
  if (has_a) {
    streams.a = {.type = type, .vectors = rank, .width = heads};
    end = streams.a.place(0);
  }
  streams.b = {.type = type, .token_rows = side == PageSide::values, .vectors = rank, .width = features};
  streams.b.place(end);
  return streams;
}

void check_table(const char* op, const PageTable& table, const c10::SymInt& sequences) {
  check_integers(op, "page_table", table.pages);
  check_integers(op, "lengths", table.lengths);
  require(table.pages.dim() == 2 && table.pages.sym_size(0) == sequences,
          "{}: page_table must be [sequences, pages] of as many sequences as there are, not {}", op,
          shape_of(table.pages));
  require(table.lengths.dim() == 1 && table.lengths.sym_size(0) == sequences,
          "{}: lengths must be [sequences], of as many as there are, not {}", op, shape_of(table.lengths));
}

ReadTable::ReadTable(const char* op, const PageTable& table)
    : op_(op),
      pages_(table.pages.to(torch::kLong).contiguous()),
      lengths_(table.lengths.to(torch::kLong).contiguous()) {}

int64_t ReadTable::length(int64_t sequence, int64_t added) const {
  const int64_t length = lengths_.const_data_ptr<int64_t>()[sequence];
  require(length == 0 || (length >= added && length > 0),
          "{}: lengths has {} tokens for sequence {}; wanted 0 or at least its {} new ones", op_, length, sequence,
          added);
  require(length <= kPageTokens * pages_.size(1), "{}: lengths has {} tokens for sequence {}, and page_table {} pages",
          op_, length, sequence, pages_.size(1));
  return length;
}

int64_t ReadTable::page(int64_t sequence, int64_t i, int64_t count) const {
  const int64_t page = pages_.const_data_ptr<int64_t>()[sequence * pages_.size(1) + i];
  require(page >= 0 && page < count, "{}: page_table names page {} for sequence {}; there are {}", op_, page, sequence,
          count);
  return page;
}

}  // namespace t6
