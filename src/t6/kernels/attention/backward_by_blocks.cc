#include <algorithm>
#include <vector>

#include "t6/kernels/attention/backward_block.h"
#include "t6/kernels/attention/backward_ways.h"

namespace t6 {
namespace {

// Some blocks of keys of one sequence: one thread's, with sums of their own.
struct BlockRange {
  size_t sequence = 0;
  std::vector<int64_t> blocks;
  QuerySums sums;
};

// First and last in turn: two after each other have as many queries as any other two, where all keys are seen.
int64_t dealt(int64_t i, int64_t count) { return i % 2 == 0 ? i / 2 : count - 1 - i / 2; }

// Blocks of all sequences in a row, cut into pieces of about one cost for the threads, and where a sequence ends.
std::vector<std::vector<BlockRange>> divide(std::span<const AttentionBackward> batch, int64_t total, int64_t threads) {
  std::vector<std::vector<BlockRange>> pieces(static_cast<size_t>(threads));
  int64_t before = 0;
  for (size_t sequence = 0; sequence < batch.size(); ++sequence) {
    const int64_t count = key_blocks(batch[sequence]);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t block = dealt(i, count), cost = block_cost(batch[sequence], block);
      const double middle = static_cast<double>(before) + 0.5 * static_cast<double>(cost);
      const auto thread = static_cast<int64_t>(middle / static_cast<double>(total) * static_cast<double>(threads));
      auto& piece = pieces[static_cast<size_t>(std::min(thread, threads - 1))];
      if (piece.empty() || piece.back().sequence != sequence) piece.push_back({sequence, {}, {}});
      piece.back().blocks.push_back(block);
      before += cost;
    }
  }
  return pieces;
}

struct SumSizes {
  explicit SumSizes(const AttentionBackward& x)
      : a(padded_row(x.forward.T * x.forward.heads * x.forward.q.rank)),
        b(x.forward.T * x.forward.q.rank * padded_row(x.forward.q.features)) {}
  int64_t a, b;
};

void place_sums(std::span<const AttentionBackward> batch, std::vector<std::vector<BlockRange>>& pieces,
                AlignedBuffer& memory) {
  int64_t size = 0;
  for (const auto& piece : pieces) {
    for (const BlockRange& part : piece) {
      const SumSizes sizes(batch[part.sequence]);
      size += sizes.a + sizes.b;
    }
  }
  float* next = memory.reserve(size);
  for (auto& piece : pieces) {
    for (BlockRange& part : piece) {
      const SumSizes sizes(batch[part.sequence]);
      part.sums = {next, next + sizes.a};
      next += sizes.a + sizes.b;
    }
  }
}

int64_t rows_size(const AttentionBackward& x) {
  return x.forward.heads * x.forward.T * padded_row(x.forward.v.features);
}
int64_t means_size(const AttentionBackward& x) { return padded_row(x.forward.T * x.forward.heads); }

void run_part(const AttentionBackward& x, const BlockRange& part, const OutputGradients& given,
              BlockBackwardBuffers& buffers) {
  const SumSizes sizes(x);
  std::fill_n(part.sums.a, sizes.a, 0.0f);
  std::fill_n(part.sums.b, sizes.b, 0.0f);
  for (const int64_t block : part.blocks) backward_block(x, block, given, part.sums, buffers);
}

// The gradients of queries [begin, end) of a sequence, from its parts.
void add_up(const AttentionBackward& x, const std::vector<QuerySums>& parts, int64_t begin, int64_t end) {
  const int64_t R = x.forward.q.rank, D = x.forward.q.features, H = x.forward.heads;
  const int64_t feature_row = padded_row(D);
  std::fill_n(x.dq_a + begin * R * H, (end - begin) * R * H, 0.0f);
  std::fill_n(x.dq_b + begin * R * D, (end - begin) * R * D, 0.0f);
  for (const QuerySums& part : parts) {
    for (int64_t t = begin; t < end; ++t) {
      for (int64_t r = 0; r < R; ++r) {
        const float* heads = part.a + t * H * R + r;
        float* head_gradients = x.dq_a + (t * R + r) * H;
        for (int64_t h = 0; h < H; ++h) head_gradients[h] += x.forward.logit_scale * heads[h * R];
        const float* features = part.b + (t * R + r) * feature_row;
        float* feature_gradients = x.dq_b + (t * R + r) * D;
        for (int64_t i = 0; i < D; ++i) feature_gradients[i] += features[i];
      }
    }
  }
}

struct Memory {
  AlignedBuffer output_gradients, sums;
  std::vector<BlockBackwardBuffers> buffers;  // of each piece
};

}  // namespace

void backward_by_blocks(Context& context, std::span<const AttentionBackward> batch) {
  if (batch.empty()) return;
  Memory& memory = context.memory<Memory>();
  int64_t cost = 0, numbers = 0;
  for (const AttentionBackward& x : batch) {
    for (int64_t block = 0; block < key_blocks(x); ++block) cost += block_cost(x, block);
    numbers += rows_size(x) + means_size(x);
  }
  auto pieces = divide(batch, cost, std::clamp<int64_t>(cost / kBackwardGrain, 1, context.thread_count()));
  place_sums(batch, pieces, memory.sums);
  if (memory.buffers.size() < pieces.size()) memory.buffers.resize(pieces.size());

  std::vector<OutputGradients> given;
  float* next = memory.output_gradients.reserve(numbers);
  for (const AttentionBackward& x : batch) {
    given.push_back({.means = next + rows_size(x), .rows = next});
    next += rows_size(x) + means_size(x);
    context.parallel_for(x.forward.T, divide_up(kBackwardGrain, x.forward.heads * x.forward.v.features),
                         [&](int64_t begin, int64_t end) { write_output_gradients(x, begin, end, given.back()); });
  }
  context.parallel_for(static_cast<int64_t>(pieces.size()), 1, [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      for (const BlockRange& part : pieces[i]) {
        run_part(batch[part.sequence], part, given[part.sequence], memory.buffers[i]);
      }
    }
  });
  for (size_t sequence = 0; sequence < batch.size(); ++sequence) {
    std::vector<QuerySums> parts;
    for (const auto& piece : pieces) {
      for (const BlockRange& part : piece) {
        if (part.sequence == sequence) parts.push_back(part.sums);
      }
    }
    const AttentionBackward& x = batch[sequence];
    context.parallel_for(x.forward.T, divide_up(kBackwardGrain, x.forward.q.rank * x.forward.heads * 4),
                         [&](int64_t begin, int64_t end) { add_up(x, parts, begin, end); });
  }
}

}  // namespace t6
