// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Matrix products: square in three forms, of perceptrons, with few rows, in batches.
#include "bench/harness/Workload.h"
#include "bench/kernels/Kernels.h"

namespace fluxion::bench {
namespace {

// NN: x[m, k] y[k, n]. NT: y[n, k], as y = x W^T has it. TN: x[k, m], as a weight gradient has it.
void product(const std::string &name, const char *form, int64_t m, int64_t k, int64_t n) {
  bool isTn = form[0] == 'T', isNt = form[1] == 'T';
  std::string equation = std::string(isTn ? "km" : "mk") + "," + (isNt ? "nk" : "kn") + "->mn";
  add(name,
      function({isTn ? f32(k, m) : f32(m, k), isNt ? f32(n, k) : f32(k, n)},
               [equation](Tensor x, Tensor y) { return einsum(equation, x, y); }),
      2.0 * m * k * n, 0);
}

void batched(const std::string &name, int64_t batch, int64_t m, int64_t k, int64_t n) {
  add(name,
      function({f32(batch, m, k), f32(batch, k, n)},
               [](Tensor x, Tensor y) { return matmul(x, y); }),
      2.0 * batch * m * k * n, 0);
}

} // namespace

void addContractions() {
  for (int64_t size : {512, 768, 1024, 2048}) {
    std::string name = "gemm_" + std::to_string(size);
    product(name, "NN", size, size, size);
    product(name + "_nt", "NT", size, size, size);
    product(name + "_tn", "TN", size, size, size);
  }
  product("gemm_128x768x3072", "NN", 128, 768, 3072);
  product("gemm_256x1024x4096", "NN", 256, 1024, 4096);
  product("gemm_bs32_mlp", "NN", 32, 784, 512);
  product("gemm_128x784x512_nt", "NT", 128, 784, 512);
  product("gemm_784x128x512_tn", "TN", 784, 128, 512);
  product("gemm_128x512x10_nt", "NT", 128, 512, 10);
  for (int64_t rows : {1, 4, 5, 8, 16})
    product("gemm_" + std::to_string(rows) + "x2048x3000", "NN", rows, 2048, 3000);
  batched("bmm_attention", 48, 128, 64, 128);
  batched("bmm_4096x8x8x8", 4096, 8, 8, 8);
}

} // namespace fluxion::bench
