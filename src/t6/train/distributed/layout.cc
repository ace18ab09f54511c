#include "t6/train/distributed/layout.h"

#include <algorithm>
#include <numeric>

namespace t6 {
namespace {

constexpr int64_t kLargestBucket = 1 << 20, kSmallestBucket = 16 << 10;  // numbers: 4 MiB and 64 KiB
constexpr int64_t kSmallestPart = 16 << 10;                              // of a rank where there are many
constexpr int64_t kBuckets = 16;                                         // of models between these

// Parameters, the last ones first, in groups of as many numbers as a bucket should have.
std::vector<Layout::Bucket> group(const std::vector<int64_t>& sizes, int64_t ranks) {
  const int64_t all = std::accumulate(sizes.begin(), sizes.end(), int64_t{0});
  const int64_t largest = std::max(kLargestBucket, ranks * kSmallestPart);
  const int64_t wanted = std::clamp(all / kBuckets, kSmallestBucket, largest);
  std::vector<Layout::Bucket> buckets;
  int64_t filled = wanted;
  for (size_t i = sizes.size(); i-- > 0;) {
    if (filled >= wanted) {
      buckets.emplace_back();
      filled = 0;
    }
    buckets.back().parameters.push_back(i);
    filled += sizes[i];
  }
  return buckets;
}

// The place nearest to `place` of those in the bucket where a part may begin.
int64_t nearest_cut(const Layout& layout, const Layout::Bucket& bucket, int64_t place) {
  const auto holds = [&](size_t parameter) { return place < layout.places[parameter] + layout.sizes[parameter]; };
  const auto found = std::find_if(bucket.parameters.begin(), bucket.parameters.end(), holds);
  if (found == bucket.parameters.end()) return place;  // the end of the bucket
  const int64_t begin = layout.places[*found], end = begin + layout.sizes[*found];
  const int64_t below = place - (place - begin) % Layout::kPiece;
  const int64_t above = std::min(below + Layout::kPiece, end);
  return place - below <= above - place ? below : above;
}

}  // namespace

Layout make_layout(const std::vector<int64_t>& sizes, int64_t ranks) {
  Layout layout{.buckets = group(sizes, ranks),
                .sizes = sizes,
                .places = std::vector<int64_t>(sizes.size()),
                .bucket_of = std::vector<size_t>(sizes.size()),
                .ranks = ranks};
  int64_t place = 0;
  for (size_t b = 0; b < layout.buckets.size(); ++b) {
    Layout::Bucket& bucket = layout.buckets[b];
    const int64_t begin = place;
    for (const size_t parameter : bucket.parameters) {
      layout.places[parameter] = place, layout.bucket_of[parameter] = b;
      place += sizes[parameter];
    }
    for (int64_t rank = 0; rank <= ranks; ++rank) {
      bucket.cuts.push_back(nearest_cut(layout, bucket, begin + (place - begin) * rank / ranks));
    }
  }
  return layout;
}

int64_t Layout::share(int64_t rank) const {
  int64_t numbers = 0;
  for (const Bucket& bucket : buckets) {
    numbers += bucket.cuts[static_cast<size_t>(rank) + 1] - bucket.cuts[static_cast<size_t>(rank)];
  }
  return numbers;
}

int64_t Layout::largest_share() const {
  int64_t largest = 0;
  for (int64_t rank = 0; rank < ranks; ++rank) largest = std::max(largest, share(rank));
  return largest;
}

Layout::Part Layout::part(size_t parameter, int64_t rank) const {
  const int64_t place = places[parameter], size = sizes[parameter];
  const std::vector<int64_t>& cuts = buckets[bucket_of[parameter]].cuts;
  const int64_t begin = std::clamp(cuts[static_cast<size_t>(rank)] - place, int64_t{0}, size);
  const int64_t end = std::clamp(cuts[static_cast<size_t>(rank) + 1] - place, int64_t{0}, size);
  return {begin, end - begin};
}

std::vector<torch::Tensor> Layout::parts_of(size_t bucket, const torch::Tensor& buffer) const {
  const std::vector<int64_t>& cuts = buckets[bucket].cuts;
  std::vector<torch::Tensor> parts;
  for (size_t rank = 0; rank + 1 < cuts.size(); ++rank) {
    parts.push_back(buffer.narrow(0, cuts[rank] - cuts[0], cuts[rank + 1] - cuts[rank]));
  }
  return parts;
}

torch::Tensor Layout::bucket_in(const torch::Tensor& row, size_t bucket) const {
  const std::vector<int64_t>& cuts = buckets[bucket].cuts;
  return row.narrow(0, cuts.front(), cuts.back() - cuts.front());
}

}  // namespace t6
