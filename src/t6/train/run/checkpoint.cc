#include "t6/train/run/checkpoint.h"

#include <cmath>
#include <cstring>

#include "t6/core/error.h"
#include "t6/formats/model_files.h"
#include "t6/formats/run_files.h"
#include "t6/formats/safetensors.h"
#include "t6/nn/weights.h"
#include "t6/train/run_config.h"

namespace t6 {
namespace {

constexpr int64_t kFormat = 1;

// What a checkpoint of an earlier version does not say had the value that it has by default now.
Json with_defaults(const Json& saved) {
  const Json defaults = to_json(RunConfig{});
  Json all = {{"schedule", defaults["schedule"]}, {"train", {{"dtype", defaults["train"]["dtype"]}}}};
  all.merge_patch(saved);
  return all;
}

void require_same(const Json& saved, const Json& current, const std::string& source) {
  for (const auto& [section, settings] : current.items()) {
    for (const auto& [key, value] : settings.items()) {
      const Json before = saved.value(Json::json_pointer("/" + section + "/" + key), Json());
      if (before == value) continue;
      throw OtherSettings(fmt::format(
          "{}: this run cannot be resumed with other settings: {}.{} was {} and is now {}; change it back, or start "
          "another run with --out, which --from lets begin with this one's weights",
          source, section, key, before.dump(), value.dump()));
    }
  }
}

}  // namespace

Json to_json(const TrainerState& state) {
  Json json = {{"format", kFormat},
               {"step", state.step},
               {"tokens", state.tokens},
               {"seconds", state.seconds},
               {"open", {{"steps", state.open.steps}, {"loss", state.open.loss}}},
               {"evaluation_due", state.evaluation_due},
               {"configuration", state.configuration}};
  if (!state.best) return json;
  json["best"] = {{"step", state.best->step}, {"loss", state.best->loss}};
  if (std::isfinite(state.best->accuracy)) json["best"]["accuracy"] = state.best->accuracy;
  return json;
}

TrainerState trainer_state(const JsonObject& object) {
  constexpr double kMost = 1e300;
  TrainerState state = {.step = object.integer("step", 0, INT64_MAX),
                        .tokens = object.integer("tokens", 0, INT64_MAX),
                        .seconds = object.number("seconds", 0, 1e18),
                        .evaluation_due = object.boolean_or("evaluation_due", false)};
  if (object.has("open")) {
    const JsonObject open = object.object("open");
    state.open = {open.integer("steps", 0, INT64_MAX), open.number("loss", -kMost, kMost)};
  }
  if (object.has("best")) {
    const JsonObject best = object.object("best");
    state.best = {best.integer("step", 0, INT64_MAX), best.number("loss", -kMost, kMost),
                  best.number_or("accuracy", kNoNumber, 0, 1)};
  }
  return state;
}

void write_checkpoint(const std::filesystem::path& folder, const TrainerState& state, const Transformer& model,
                      const AdamW::NamedTensors& moments) {
  write_json(folder / kConfigFile, config_to_json(model->config()));
  save_weights(model, folder);
  std::vector<torch::Tensor> hosts;  // alive until they are written
  std::vector<NamedTensor> tensors;
  for (const auto& [name, tensor] : moments) {
    hosts.push_back(tensor.cpu());
    tensors.push_back({name, view_of(hosts.back())});
  }
  write_safetensors(folder / kMomentsFile, tensors);
  write_json(folder / kTrainerFile, to_json(state));
}

TrainerState read_checkpoint(const std::filesystem::path& folder, const Json& configuration, Transformer& model,
                             const AdamW::NamedTensors& moments) {
  const auto path = folder / kTrainerFile;
  const Json json = read_json(path);
  const JsonObject object(json, path.string());
  const int64_t format = object.integer("format", 0, INT64_MAX);
  require(format == kFormat, "{}: \"format\" is {}, and this program reads {}", path.string(), format, kFormat);
  require_same(with_defaults(object.object("configuration").json()), configuration, path.string());

  load_weights(model, folder);
  const SafetensorsFile file(folder / kMomentsFile);
  for (const auto& [name, tensor] : moments) {
    const TensorView& view = file.at(name, tensor.sizes().vec());
    require(view.type == NumberType::f32, "{}: tensor \"{}\" is {}, wanted F32", file.path().string(), name,
            number_type_name(view.type));
    write_floats(tensor,
                 [&](std::span<float> numbers) { std::memcpy(numbers.data(), view.bytes.data(), view.bytes.size()); });
  }
  TrainerState state = trainer_state(object);
  state.configuration = configuration;
  return state;
}

}  // namespace t6
