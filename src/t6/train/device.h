// Where a run's model, batches and moments are: the CPU or a GPU.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>

namespace t6 {

// "cpu", "cuda", which is the first GPU, or "cuda:N" with N from 0 on. Error: another name; `source` begins the
// message.
torch::Device parse_device(const std::string& name, const std::string& source);

// That device, which is the thread's current one afterwards. Errors, which `source` begins: a LibTorch without CUDA, no
// such GPU.
torch::Device open_device(const std::string& name, const std::string& source);

// Returns when all that a device was given to do is done.
void wait_for(torch::Device device);

// The most memory that this process's tensors have had on a device. Of the CPU: nothing.
int64_t peak_device_bytes(torch::Device device);

// Options of a tensor of the CPU whose int64 numbers will go to the device: for a GPU in pages that stay where they
// are.
torch::TensorOptions host_numbers(torch::Device device);

// Its numbers on the device, without waiting for them: the host's may be dropped at once. On the CPU itself.
torch::Tensor sent_to(torch::Device device, const torch::Tensor& numbers);

}  // namespace t6
