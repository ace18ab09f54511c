// Pages of keys and values as tensors: checked, and as the kernels take them.
#pragma once

#include <torch/torch.h>

#include <vector>

#include "t6/kernels/attention.h"
#include "t6/ops/paged_attention.h"

namespace t6 {

enum class PageSide { keys, values };

// Where head and feature factors lie in a page; a's width is 0 where a page has none.
struct PageStreams {
  PagedStream a, b;
};

// Error: pages of another shape or type, or whose rows have gaps or hold another count of numbers than factors with
// or without `heads` head factors. Named `name` of the operator `op`.
PageStreams page_streams(const char* op, const char* name, const FactorPages& pages, int64_t heads, PageSide side);

// Error: a table of another shape or type than its B sequences want.
void check_table(const char* op, const PageTable& table, const c10::SymInt& sequences);

// A table whose numbers can be read, on the CPU.
class ReadTable {
 public:
  ReadTable(const char* op, const PageTable& table);

  // Tokens of a sequence. Error: other than 0, yet below `added`, or more than the table has pages for.
  int64_t length(int64_t sequence, int64_t added) const;
  // Page i of a sequence. Error: one that is not among `count`.
  int64_t page(int64_t sequence, int64_t i, int64_t count) const;

 private:
  const char* op_;
  torch::Tensor pages_, lengths_;
};

}  // namespace t6
