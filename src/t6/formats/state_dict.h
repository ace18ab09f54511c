// What PyTorch's torch.save writes of a state dict (pytorch_model.bin): a zip archive with a pickle that describes the
// tensors, and a file for each storage. Read as untrusted data: nothing in the pickle is run.
#pragma once

#include <filesystem>

#include "t6/formats/safetensors.h"
#include "t6/formats/state_dict/zip.h"

namespace t6 {

class StateDictFile {
 public:
  // Maps the file. Errors name the file and what in it is not a tensor, lies outside its storage, or is not stored row
  // by row.
  explicit StateDictFile(const std::filesystem::path& path);

  const TensorViews& tensors() const { return tensors_; }
  const std::filesystem::path& path() const { return archive_.path(); }

 private:
  ZipFile archive_;
  TensorViews tensors_;
};

}  // namespace t6
