// Causal attention over whole prompts from their factors, beside materializing Q, K and V in stock PyTorch.
#include <malloc.h>

#include <vector>

#include "t6/attention_bench/runs.h"
#include "t6/attention_bench/table/table.h"
#include "t6/core/random.h"
#include "t6/core/threads.h"
#include "t6/kernels/attention.h"
#include "t6/model/factors.h"

namespace t6 {
namespace {

// Factors of `tokens` tokens in rows, [tokens, R, H] and [tokens, R, D].
class FactorRows {
 public:
  FactorRows(const FactorShape& shape, int64_t tokens, Random& random)
      : a_(static_cast<size_t>(tokens * shape.head_numbers())),
        b_(static_cast<size_t>(tokens * shape.feature_numbers())) {
    for (std::vector<float>* numbers : {&a_, &b_}) {
      for (float& number : *numbers) number = static_cast<float>(2 * random.uniform() - 1);
    }
    view_.rank = shape.rank;
    view_.features = shape.features;
    view_.a_stride = shape.head_numbers();
    view_.b_stride = shape.feature_numbers();
  }

  FactorView from(int64_t token) const {
    FactorView view = view_;
    if (!a_.empty()) view.a = a_.data() + token * view.a_stride;
    view.b = b_.data() + token * view.b_stride;
    return view;
  }

 private:
  std::vector<float> a_, b_;
  FactorView view_;
};

// Everything that `batch` prompts of `length` tokens are and give.
class Prompts {
 public:
  Prompts(const ModelConfig& config, int64_t batch, int64_t length, bool bfloats)
      : shape_(attention_shape(config)),
        random_(1),
        q_(shape_.q, batch * length, random_),
        k_(shape_.k, batch * length, random_),
        v_(shape_.v, batch * length, random_),
        out_(static_cast<size_t>(batch * length * shape_.q.heads * shape_.v.features)) {
    for (int64_t i = 0; i < batch; ++i) {
      Attention x;
      x.q = q_.from(i * length);
      x.k = k_.from(i * length);
      x.v = v_.from(i * length);
      x.T = length;
      x.heads = shape_.q.heads;
      x.logit_scale = static_cast<float>(logit_scale(config, shape_));
      x.value_scale = static_cast<float>(shape_.v.scale());
      x.bfloats = bfloats;
      x.out = out_.data() + i * length * x.heads * shape_.v.features;
      list_.push_back(x);
    }
  }

  const std::vector<Attention>& list() const { return list_; }

 private:
  AttentionShape shape_;
  Random random_;
  FactorRows q_, k_, v_;
  std::vector<float> out_;
  std::vector<Attention> list_;
};

// Of inputs and output.
int64_t prompt_bytes(const ModelConfig& config, int64_t batch, int64_t length) {
  const AttentionShape attention = attention_shape(config);
  int64_t numbers = attention.q.heads * attention.v.features;
  for (const FactorShape& shape : {attention.q, attention.k, attention.v}) {
    numbers += shape.head_numbers() + shape.feature_numbers();
  }
  return 4 * batch * length * numbers;
}

int64_t allocated_bytes() {
  const struct mallinfo2 info = ::mallinfo2();
  return static_cast<int64_t>(info.uordblks + info.hblkhd);
}

// Bytes that attention takes beside inputs and output: what a context that had no memory yet holds after it.
int64_t temporary_bytes(const Threads& threads, const std::vector<Attention>& prompts) {
  Context context(threads);
  const int64_t before = allocated_bytes();
  attention(context, prompts);
  return allocated_bytes() - before;
}

void measure(const BenchOptions& options, const BenchSize& size, const std::string& kind, const std::string& dtype,
             BenchTable& table) {
  const ModelConfig config = layer_config(options, kind);
  BenchRow row = {.kind = kind, .dtype = dtype, .size = size};
  const bool bfloats = dtype == "bfloat16";
  row.flops = prefill_flops(config, size.batch, size.length);
  const int64_t bytes = prompt_bytes(config, size.batch, size.length);
  row.bytes = static_cast<double>(bytes);
  if (!table.begin(kind, size, bytes)) return;
  {
    const Prompts prompts(config, size.batch, size.length, bfloats);
    row.temporary_bytes = temporary_bytes(table.context().threads(), prompts.list());
    row.time = time_runs([&] { attention(table.context(), prompts.list()); });
  }
  if (table.begin("PyTorch's " + kind, size, stock_prefill_bytes(config, size.batch, size.length))) {
    const StockPrefill stock = stock_prefill(config, size.batch, size.length, bfloats);
    row.stock = stock.time;
    row.stock_temporary_bytes = stock.temporary_bytes;
  }
  table.print(row);
}

}  // namespace

void bench_prefill(const BenchOptions& options) {
  BenchTable table(options, "prefill", 2 * std::ssize(options.kinds) * std::ssize(options.dtypes));
  table.for_each_size([&](const BenchSize& size) {
    for (const std::string& kind : options.kinds) {
      for (const std::string& dtype : options.dtypes) measure(options, size, kind, dtype, table);
    }
  });
}

}  // namespace t6
