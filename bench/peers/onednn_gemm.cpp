// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The products of bench_kernels by oneDNN or MKL, as a peer for compare.py:
//   onednn_gemm WORKLOAD THREADS onednn|mkl
// oneDNN: the best of its sgemm, its matmul, and its matmul with weights packed beforehand. MKL:
// cblas_sgemm of the libmkl_rt that $MKL_RT names, or the loader finds. Prints a JSON line.
#include <dnnl.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Product {
  bool transposesLeft = false, transposesRight = false;
  int64_t batch = 0, m = 0, k = 0, n = 0; // batch 0: a single product
};

Product parse(std::string name) {
  Product p;
  if (name == "gemm_bs32_mlp")
    return {false, false, 0, 32, 784, 512};
  if (name == "bmm_attention")
    return {false, false, 48, 128, 64, 128};
  if (name.ends_with("_nt") || name.ends_with("_tn")) {
    (name.ends_with("_nt") ? p.transposesRight : p.transposesLeft) = true;
    name.resize(name.size() - 3);
  }
  long sizes[4];
  if (std::sscanf(name.c_str(), "bmm_%ldx%ldx%ldx%ld", sizes, sizes + 1, sizes + 2, sizes + 3) == 4)
    return {false, false, sizes[0], sizes[1], sizes[2], sizes[3]};
  int count = std::sscanf(name.c_str(), "gemm_%ldx%ldx%ld", sizes, sizes + 1, sizes + 2);
  if (count != 1 && count != 3)
    throw std::runtime_error(name + " is no product of bench_kernels");
  p.m = sizes[0], p.k = sizes[count == 3 ? 1 : 0], p.n = sizes[count == 3 ? 2 : 0];
  return p;
}

struct Operands {
  std::vector<float> x, y, z;
};

Operands randomOperands(const Product &p) {
  int64_t batch = std::max<int64_t>(p.batch, 1);
  Operands operands{std::vector<float>(batch * p.m * p.k), std::vector<float>(batch * p.k * p.n),
                    std::vector<float>(batch * p.m * p.n)};
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (auto *values : {&operands.x, &operands.y})
    for (float &value : *values)
      value = uniform(random);
  return operands;
}

std::function<void()> dnnlSgemm(const Product &p, Operands &o) {
  return [&] {
    dnnl_sgemm(p.transposesLeft ? 'T' : 'N', p.transposesRight ? 'T' : 'N', p.m, p.n, p.k, 1,
               o.x.data(), p.transposesLeft ? p.m : p.k, o.y.data(), p.transposesRight ? p.k : p.n,
               0, o.z.data(), p.n);
  };
}

std::function<void()> dnnlMatmul(const Product &p, Operands &o, bool packsWeights) {
  using dnnl::memory;
  static dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  static dnnl::stream stream(engine);
  auto describe = [&](int64_t rows, int64_t columns, bool isTransposed) {
    memory::dims sizes = {rows, columns},
                 strides = {isTransposed ? 1 : columns, isTransposed ? rows : 1};
    if (p.batch) {
      sizes.insert(sizes.begin(), p.batch);
      strides.insert(strides.begin(), rows * columns);
    }
    return memory::desc(sizes, memory::data_type::f32, strides);
  };
  memory::desc x = describe(p.m, p.k, p.transposesLeft), y = describe(p.k, p.n, p.transposesRight),
               z = describe(p.m, p.n, false), packed = y;
  if (packsWeights)
    packed = memory::desc(y.dims(), memory::data_type::f32, memory::format_tag::any);
  dnnl::matmul::primitive_desc description({x, packed, z}, engine);
  memory weights(y, engine, o.y.data());
  if (packsWeights) {
    memory ordered(description.weights_desc(), engine);
    dnnl::reorder(weights, ordered).execute(stream, weights, ordered);
    stream.wait();
    weights = ordered;
  }
  std::unordered_map<int, memory> arguments = {{DNNL_ARG_SRC, memory(x, engine, o.x.data())},
                                               {DNNL_ARG_WEIGHTS, weights},
                                               {DNNL_ARG_DST, memory(z, engine, o.z.data())}};
  return [matmul = dnnl::matmul(description), arguments] {
    matmul.execute(stream, arguments);
    stream.wait();
  };
}

std::function<void()> mklSgemm(const Product &p, Operands &o, int threads) {
  const char *path = std::getenv("MKL_RT");
  void *library = dlopen(path ? path : "libmkl_rt.so.2", RTLD_NOW | RTLD_LOCAL);
  if (!library)
    throw std::runtime_error(std::string("MKL is not there: ") + dlerror());
  auto setThreads = reinterpret_cast<void (*)(int)>(dlsym(library, "MKL_Set_Num_Threads"));
  using Sgemm = void (*)(int, int, int, int, int, int, float, const float *, int, const float *,
                         int, float, float *, int);
  auto sgemm = reinterpret_cast<Sgemm>(dlsym(library, "cblas_sgemm"));
  if (!setThreads || !sgemm)
    throw std::runtime_error("MKL has no cblas_sgemm");
  setThreads(threads);
  return [&, sgemm] {
    for (int64_t i = 0; i < std::max<int64_t>(p.batch, 1); ++i)
      sgemm(101, p.transposesLeft ? 112 : 111, p.transposesRight ? 112 : 111, p.m, p.n, p.k, 1,
            o.x.data() + i * p.m * p.k, p.transposesLeft ? p.m : p.k, o.y.data() + i * p.k * p.n,
            p.transposesRight ? p.k : p.n, 0, o.z.data() + i * p.m * p.n, p.n);
  };
}

struct Timing {
  double best, median; // seconds
};

Timing timed(const std::function<void()> &call) {
  auto since = [](Clock::time_point from) {
    return std::chrono::duration<double>(Clock::now() - from).count();
  };
  for (int warm = 0; warm < 3; ++warm)
    call();
  Clock::time_point from = Clock::now();
  call();
  int64_t batch = std::max<int64_t>(1, int64_t(2e-4 / since(from)));
  std::vector<double> samples;
  for (Clock::time_point start = Clock::now(); samples.size() < 5 || since(start) < 0.25;) {
    from = Clock::now();
    for (int64_t i = 0; i < batch; ++i)
      call();
    samples.push_back(since(from) / double(batch));
  }
  std::sort(samples.begin(), samples.end());
  return {samples.front(), samples[samples.size() / 2]};
}

} // namespace

int main(int argc, char **argv) try {
  if (argc != 4)
    throw std::runtime_error("usage: onednn_gemm WORKLOAD THREADS onednn|mkl");
  Product product = parse(argv[1]);
  Operands operands = randomOperands(product);
  std::vector<std::function<void()>> calls;
  // oneDNN takes what OMP_NUM_THREADS says; primitives keep the count they were made under.
  if (std::string(argv[3]) == "mkl") {
    calls = {mklSgemm(product, operands, std::atoi(argv[2]))};
  } else {
    calls = {dnnlMatmul(product, operands, false), dnnlMatmul(product, operands, true)};
    if (!product.batch)
      calls.push_back(dnnlSgemm(product, operands));
  }
  Timing best{1e9, 1e9};
  for (const auto &call : calls) {
    Timing timing = timed(call);
    best = {std::min(best.best, timing.best), std::min(best.median, timing.median)};
  }
  std::printf("{\"workload\": \"%s\", \"threads\": %s, \"min_ms\": %.6g, \"median_ms\": %.6g}\n",
              argv[1], argv[2], 1e3 * best.best, 1e3 * best.median);
} catch (const std::exception &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
