#include "t6/kernels/attention.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "t6/core/rounding.h"
#include "t6/kernels/attention/check.h"
#include "t6/kernels/attention/tile.h"

namespace t6 {
namespace {

// Multiply-adds that are worth a thread's start.
constexpr int64_t kGrain = 400'000;
// Work is dealt out in at least so many pieces per thread, so that none waits long for the last.
constexpr int64_t kPieces = 3;
// Tiles of bfloat16 are made smaller for that, down to so many queries.
constexpr int64_t kFewestTokens = 32;

// A tile, and the pieces of keys that it is summed in.
struct Unit {
  const Attention* x = nullptr;
  const AttentionPlan* plan = nullptr;
  AttentionTile tile;
  int64_t first_piece = 0, pieces = 1;
  int64_t keys_a_piece = 0;

  int64_t columns() const { return tile_columns(*plan, tile); }
  int64_t stride() const { return padded_row(x->v.features); }
};

struct Work {
  std::vector<AttentionPlan> plans;
  std::vector<Unit> units;
  std::vector<int64_t> unit_of_piece;
  std::vector<SoftmaxState> states;  // of pieces, where units have several
  AlignedBuffer memory;
  std::vector<TileBuffers> buffers;  // of each thread
};

int64_t multiply_adds(const Attention& x, const AttentionPlan& plan) {
  return x.T * std::max<int64_t>(1, x.start + x.T) * x.heads *
         (plan.k.ranks * x.k.features + plan.v.ranks * x.v.features);
}

// Queries of a tile. Those of bfloat16 have so many that there may be too few tiles.
int64_t tile_tokens(const Attention& x, const AttentionPlan& plan, int64_t threads) {
  int64_t tokens = plan.tokens;
  const auto tiles = [&] { return divide_up(x.T, tokens) * divide_up(plan.groups, plan.tile_groups); };
  while (plan.bfloats && tokens >= 2 * kFewestTokens && threads > 1 && tiles() < threads * kPieces) {
    tokens = round_up(tokens / 2, kFewestTokens);
  }
  return tokens;
}

// Tiles of queries, and of groups of heads: few groups at a time where a tile has many queries and so fills the cache
// with their rows; all where it has few, so that a page's keys and values are read from end to end.
void divide(const Attention& x, const AttentionPlan& plan, int64_t threads, std::vector<Unit>& units) {
  const int64_t sections = std::max<int64_t>(1, divide_up(x.start + x.T, kSectionTokens));
  const int64_t parts = std::min(plan.groups, divide_up(threads, sections));
  const int64_t groups = plan.tokens > 1 ? plan.tile_groups : divide_up(plan.groups, parts);
  const int64_t tokens = tile_tokens(x, plan, threads);
  for (int64_t group = 0; group < plan.groups; group += groups) {
    for (int64_t token = 0; token < x.T; token += tokens) {
      Unit unit;
      unit.x = &x;
      unit.plan = &plan;
      unit.tile = {.token = token,
                   .tokens = std::min(tokens, x.T - token),
                   .group = group,
                   .groups = std::min(groups, plan.groups - group)};
      unit.tile.key_end = std::max<int64_t>(0, x.start + token + unit.tile.tokens);
      unit.keys_a_piece = std::max<int64_t>(1, unit.tile.key_end);
      units.push_back(unit);
    }
  }
}

// Where units are too few, their keys are shared out.
void divide_keys(std::vector<Unit>& units, int64_t threads) {
  const auto wanted = threads * kPieces;
  if (static_cast<int64_t>(units.size()) >= wanted) return;
  for (const int64_t keys : {kPartTokens, kSectionTokens}) {
    int64_t pieces = 0;
    for (Unit& unit : units) {
      unit.keys_a_piece = keys;
      pieces += unit.pieces = std::max<int64_t>(1, divide_up(unit.tile.key_end, keys));
    }
    if (pieces >= wanted) return;
  }
}

// Numbers the pieces, and gives states to those whose unit has several.
void make_room(Work& work) {
  int64_t size = 0, pieces = 0;
  work.unit_of_piece.clear();
  for (Unit& unit : work.units) {
    unit.first_piece = pieces;
    pieces += unit.pieces;
    work.unit_of_piece.insert(work.unit_of_piece.end(), static_cast<size_t>(unit.pieces), &unit - work.units.data());
    if (unit.pieces > 1) size += unit.pieces * state_size(unit.columns(), unit.stride());
  }
  work.states.assign(static_cast<size_t>(pieces), {});
  float* memory = work.memory.reserve(size);
  for (const Unit& unit : work.units) {
    for (int64_t i = 0; unit.pieces > 1 && i < unit.pieces; ++i) {
      work.states[static_cast<size_t>(unit.first_piece + i)] = place_state(memory, unit.columns(), unit.stride());
    }
  }
}

void sum_piece(const Work& work, int64_t piece, TileBuffers& buffers) {
  const Unit& unit = work.units[static_cast<size_t>(work.unit_of_piece[static_cast<size_t>(piece)])];
  AttentionTile tile = unit.tile;
  tile.key_begin = (piece - unit.first_piece) * unit.keys_a_piece;
  tile.key_end = std::min(tile.key_end, tile.key_begin + unit.keys_a_piece);
  if (unit.pieces > 1) return sum_tile(*unit.x, *unit.plan, tile, buffers, work.states[static_cast<size_t>(piece)]);
  const SoftmaxState state = buffers.total.reserve(unit.columns(), unit.stride());
  sum_tile(*unit.x, *unit.plan, tile, buffers, state);
  finish_columns(*unit.x, *unit.plan, tile, state, 0, unit.columns());
}

// Adds up the pieces of some of a unit's columns in the order of kPartTokens and kSectionTokens.
void merge_pieces(const Work& work, const Unit& unit, int64_t begin, int64_t end) {
  const int64_t stride = unit.stride(), in_part = kPartTokens / std::min(kPartTokens, unit.keys_a_piece);
  const SoftmaxState* states = work.states.data() + unit.first_piece;
  for (int64_t part = 0; part < unit.pieces; part += in_part) {
    for (int64_t i = part + 1; i < std::min(unit.pieces, part + in_part); ++i) {
      merge_columns(states[i], states[part], stride, begin, end);
    }
    if (part > 0) merge_columns(states[part], states[0], stride, begin, end);
  }
  finish_columns(*unit.x, *unit.plan, unit.tile, states[0], begin, end);
}

}  // namespace

void attention(Context& context, std::span<const Attention> batch) {
  Work& work = context.memory<Work>();
  work.plans.clear();
  work.units.clear();
  int64_t cost = 0;
  const bool bfloats = has_bfloat_attention();
  for (const Attention& x : batch) {
    check_attention(x);
    work.plans.push_back(plan_attention(x, bfloats));
    cost += multiply_adds(x, work.plans.back());
  }
  const int64_t threads = std::clamp<int64_t>(cost / kGrain, 1, context.thread_count());
  for (size_t i = 0; i < batch.size(); ++i) {
    if (batch[i].T > 0) divide(batch[i], work.plans[i], threads, work.units);
  }
  if (threads > 1) divide_keys(work.units, threads);
  // Queries that see most keys first, so that the last pieces are short.
  std::stable_sort(work.units.begin(), work.units.end(),
                   [](const Unit& a, const Unit& b) { return a.tile.key_end > b.tile.key_end; });
  make_room(work);
  if (work.buffers.size() < static_cast<size_t>(threads)) work.buffers.resize(static_cast<size_t>(threads));

  const auto pieces = static_cast<int64_t>(work.unit_of_piece.size());
  // One range a thread, each of which takes the next largest piece: ranges of pieces would give one thread the large
  // ones.
  std::atomic<int64_t> next = 0;
  context.parallel_for(threads, 1, [&](int64_t thread, int64_t) {
    TileBuffers& buffers = work.buffers[static_cast<size_t>(thread)];
    for (int64_t piece; (piece = next.fetch_add(1, std::memory_order_relaxed)) < pieces;) {
      sum_piece(work, piece, buffers);
    }
  });
  for (const Unit& unit : work.units) {
    if (unit.pieces == 1) continue;
    context.parallel_for(unit.columns(), divide_up(kGrain, unit.pieces * unit.stride()),
                         [&](int64_t begin, int64_t end) { merge_pieces(work, unit, begin, end); });
  }
}

void attention(Context& context, const Attention& arguments) { attention(context, std::span(&arguments, 1)); }

}  // namespace t6
