// Which documents a forward pass of a classifier's run sees.
#pragma once

#include <cstdint>
#include <vector>

namespace t6 {

// In each epoch every document once, shuffled. Those of 16 passes are dealt out by length, so that little is padded,
// and these passes shuffled again. All is a function of these numbers, the seed and the pass, so a resumed run goes on
// exactly.
class LabelOrder {
 public:
  // `lengths`: of each document, in tokens; not empty.
  LabelOrder(std::vector<int64_t> lengths, int64_t batch, uint64_t seed);

  std::vector<int64_t> documents(int64_t pass) const;  // `batch` of them

 private:
  int64_t document(int64_t number) const;  // the run's number 0, 1, ...

  std::vector<int64_t> lengths_;
  int64_t batch_;
  uint64_t seed_;
};

}  // namespace t6
