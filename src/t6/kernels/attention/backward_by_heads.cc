#include <algorithm>
#include <vector>

#include "t6/kernels/attention/backward_head.h"
#include "t6/kernels/attention/backward_head_bfloats.h"
#include "t6/kernels/attention/backward_ways.h"

namespace t6 {
namespace {

// Some heads of one sequence: one thread's, with a sum of feature gradients of their own.
struct HeadRange {
  const AttentionBackward* x = nullptr;
  int64_t first_head = 0, last_head = 0;
  FeatureGradients features;
};

struct FeatureSizes {
  explicit FeatureSizes(const AttentionBackward& x)
      : q(x.forward.T * x.forward.q.rank * x.forward.q.features),
        k((x.forward.start + x.forward.T) * x.forward.k.rank * x.forward.k.features),
        v((x.forward.start + x.forward.T) * x.forward.v.rank * x.forward.v.features) {}
  int64_t q, k, v;
};

int64_t multiply_adds(const AttentionBackward& x) {
  const Attention& f = x.forward;
  const int64_t keys = f.start + f.T, seen = f.window > 0 ? std::min(keys, f.window + f.sinks) : keys;
  return f.T * seen * f.heads * (3 * f.k.features + 2 * f.v.features);
}

// Heads of all sequences in a row, cut into pieces of one size for the threads, and where a sequence ends.
std::vector<std::vector<HeadRange>> divide(std::span<const AttentionBackward> batch, int64_t threads) {
  int64_t heads = 0;
  for (const AttentionBackward& x : batch) heads += x.forward.heads;
  std::vector<std::vector<HeadRange>> pieces(static_cast<size_t>(threads));
  int64_t before = 0;
  for (const AttentionBackward& x : batch) {
    for (int64_t i = 0; i < threads; ++i) {
      const int64_t first = std::max<int64_t>(0, heads * i / threads - before);
      const int64_t last = std::min(x.forward.heads, heads * (i + 1) / threads - before);
      if (first < last) pieces[static_cast<size_t>(i)].push_back({&x, first, last, {}});
    }
    before += x.forward.heads;
  }
  return pieces;
}

// A sequence's first part sums in the result itself, the others in `memory`, one after the other.
void place_sums(std::vector<std::vector<HeadRange>>& pieces, AlignedBuffer& memory) {
  int64_t size = 0;
  const auto for_later_parts = [&](const auto& place) {
    for (auto& piece : pieces) {
      for (HeadRange& part : piece) {
        if (part.first_head > 0) place(part, FeatureSizes(*part.x));
      }
    }
  };
  for_later_parts([&](HeadRange&, const FeatureSizes& count) { size += count.q + count.k + count.v; });
  float* next = memory.reserve(size);
  for_later_parts([&](HeadRange& part, const FeatureSizes& count) {
    part.features = {next, next + count.q, next + count.q + count.k};
    next += count.q + count.k + count.v;
  });
  for (auto& piece : pieces) {
    for (HeadRange& part : piece) {
      if (part.first_head == 0) part.features = {part.x->dq_b, part.x->dk_b, part.x->dv_b};
    }
  }
}

// Of a thread.
struct Buffers {
  HeadBuffers floats;
  BfloatHeadBuffers bfloats;
};

void run_part(const HeadRange& part, Buffers& buffers) {
  const FeatureSizes count(*part.x);
  std::fill_n(part.features.q, count.q, 0.0f);
  std::fill_n(part.features.k, count.k, 0.0f);
  std::fill_n(part.features.v, count.v, 0.0f);
  for (int64_t head = part.first_head; head < part.last_head; ++head) {
    if (goes_by_bfloats(*part.x)) {
      backward_head_bfloats(*part.x, head, part.features, buffers.bfloats);
    } else {
      backward_head(*part.x, head, part.features, buffers.floats);
    }
  }
}

void add(const Context& context, const float* from, int64_t count, float* to) {
  context.parallel_for(count, kBackwardGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) to[i] += from[i];
  });
}

struct Memory {
  AlignedBuffer sums;
  std::vector<Buffers> buffers;  // of each piece
};

}  // namespace

void backward_by_heads(Context& context, std::span<const AttentionBackward> batch) {
  int64_t cost = 0, heads = 0;
  for (const AttentionBackward& x : batch) {
    cost += multiply_adds(x);
    heads += x.forward.heads;
  }
  if (heads == 0) return;
  Memory& memory = context.memory<Memory>();
  auto pieces =
      divide(batch, std::clamp<int64_t>(cost / kBackwardGrain, 1, std::min<int64_t>(context.thread_count(), heads)));
  place_sums(pieces, memory.sums);
  if (memory.buffers.size() < pieces.size()) memory.buffers.resize(pieces.size());
  context.parallel_for(static_cast<int64_t>(pieces.size()), 1, [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      for (const HeadRange& part : pieces[i]) run_part(part, memory.buffers[i]);
    }
  });
  for (const auto& piece : pieces) {
    for (const HeadRange& part : piece) {
      if (part.first_head == 0) continue;
      const FeatureSizes count(*part.x);
      add(context, part.features.q, count.q, part.x->dq_b);
      add(context, part.features.k, count.k, part.x->dk_b);
      add(context, part.features.v, count.v, part.x->dv_b);
    }
  }
}

}  // namespace t6
