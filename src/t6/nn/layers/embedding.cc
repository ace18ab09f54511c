#include "t6/nn/layers/embedding.h"

namespace t6 {
namespace {

// Whether nobody else will read the numbers of a gradient.
bool is_ours_alone(const torch::Tensor& gradient) {
  return gradient.use_count() == 1 && gradient.storage().use_count() == 1 && !gradient.requires_grad();
}

struct EmbedTokens : torch::autograd::Function<EmbedTokens> {
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context, const torch::Tensor& table,
                                                const torch::Tensor& tokens) {
    context->set_materialize_grads(false);
    context->save_for_backward({tokens});
    context->saved_data["rows"] = table.size(0);
    return {torch::embedding(table, tokens), table};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const torch::Tensor &rows = gradients[0], &table = gradients[1];
    if (!rows.defined()) return {table, {}};
    torch::Tensor sum;
    if (!table.defined()) {
      sum = torch::zeros({context->saved_data["rows"].toInt(), rows.size(-1)}, rows.options());
    } else {
      sum = is_ours_alone(table) ? table : table.clone();
    }
    sum.index_add_(0, context->get_saved_variables()[0].flatten(), rows.flatten(0, -2));
    return {sum, {}};
  }
};

}  // namespace

EmbeddedTokens EmbeddingImpl::forward(const torch::Tensor& tokens) {
  const auto outputs = EmbedTokens::apply(weight, tokens);
  return {outputs[0], outputs[1]};
}

}  // namespace t6
