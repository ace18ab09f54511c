// model.safetensors with weights of any of kWeightTypes. Quantized matrices are U8 tensors [rows, bytes of a row],
// which every reader of the format can list; what they are stands in the metadata: "t6.weight_types" is a JSON object
// of tensor names to types.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "t6/formats/safetensors.h"
#include "t6/model/weight_tensor.h"

namespace t6 {

class WeightFile {
 public:
  // Maps the file. Errors: those of safetensors; a type that is not known or does not fit its tensor's bytes; tensors
  // that are neither floats nor named in the metadata.
  explicit WeightFile(const std::filesystem::path& path);

  // Bytes lie in the mapped file, which this object keeps.
  const TensorViews& tensors() const { return tensors_; }
  // Without the types.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const std::filesystem::path& path() const { return file_.path(); }
  // As MappedFile's.
  void let_go(std::span<const std::byte> bytes) const { file_.let_go(bytes); }

 private:
  SafetensorsFile file_;
  TensorViews tensors_;
  std::map<std::string, std::string> metadata_;
};

// Writes the tensors in the order of their names, beside, synced and renamed. Error: a quantized tensor whose shape is
// not rows of whole blocks, bytes that do not fit a shape.
void write_weights(const std::filesystem::path& path, const TensorViews& tensors,
                   std::map<std::string, std::string> metadata = {});

}  // namespace t6
