#include "t6/train/device.h"

#include <ATen/DeviceAccelerator.h>

#include <algorithm>

#include "t6/core/error.h"

namespace t6 {
namespace {

constexpr std::string_view kNumbered = "cuda:";

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= 3 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

torch::Device parse_device(const std::string& name, const std::string& source) {
  if (name == "cpu") return torch::kCPU;
  if (name == "cuda") return {torch::kCUDA, 0};
  const std::string number = name.starts_with(kNumbered) ? name.substr(kNumbered.size()) : "";
  constexpr int kMost = 127;  // LibTorch counts in a signed byte
  require(is_number(number) && std::stoi(number) <= kMost,
          "{} must be \"cpu\", \"cuda\" or \"cuda:N\" with N from 0 to {}, not \"{}\"", source, kMost, name);
  return {torch::kCUDA, static_cast<c10::DeviceIndex>(std::stoi(number))};
}

torch::Device open_device(const std::string& name, const std::string& source) {
  const torch::Device device = parse_device(name, source);
  if (device.is_cpu()) return device;
  require(
      at::globalContext().hasCUDART(),
      "{} is \"{}\", and this program's LibTorch, {}, has no CUDA; build T6 with one that has: make build TORCH=DIR",
      source, name, TORCH_VERSION);
  const int count = torch::cuda::is_available() ? torch::cuda::device_count() : 0;
  require(device.index() < count, "{} is \"{}\", and LibTorch finds {} here", source, name,
          count == 0   ? "no GPU"
          : count == 1 ? "one GPU, \"cuda:0\""
                       : fmt::format("{} GPUs, from \"cuda:0\"", count));
  at::accelerator::setDeviceIndex(device.index());
  return device;
}

void wait_for(torch::Device device) {
  if (!device.is_cpu()) at::accelerator::synchronizeDevice(device.index());
}

int64_t peak_device_bytes(torch::Device device) {
  if (device.is_cpu()) return 0;
  constexpr auto kAll = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  return at::accelerator::getDeviceStats(device.index()).allocated_bytes[kAll].peak;
}

torch::TensorOptions host_numbers(torch::Device device) {
  return torch::dtype(torch::kLong).pinned_memory(device.is_cuda());
}

torch::Tensor sent_to(torch::Device device, const torch::Tensor& numbers) {
  return numbers.to(device, /*non_blocking=*/true);
}

}  // namespace t6
