// Work on many items that the ranks deal out among them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>

#include "t6/core/cancel_token.h"
#include "t6/train/ranks.h"

namespace t6 {

// Calls piece(begin, count) for this rank's pieces of `items` items, each at most `most` long: the ranks take them in
// turn. All ranks call it. False: it was cancelled, on this rank or another.
inline bool for_own_pieces(Ranks& ranks, const CancelToken& cancel, int64_t items, int64_t most,
                           const std::function<void(int64_t begin, int64_t count)>& piece) {
  for (int64_t turn = 0; turn < items; turn += most * ranks.size()) {
    if (ranks.any(cancel.cancelled())) return false;
    const int64_t begin = turn + most * ranks.rank();
    if (begin < items) piece(begin, std::min(most, items - begin));
  }
  return true;
}

}  // namespace t6
