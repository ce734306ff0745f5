// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products of a program (PROGRAM, from an emitted object) on the GPU beside cuBLASLt's, opened by
// dlopen where it is installed: equal results, and the time of each, both from CUDA graphs. Entry
// points are named element_order_MxNxK_xCOUNT: COUNT products of one left and COUNT right sides;
// the order says whether each side is given transposed. bench/gpu.py builds it.
#include "bench/Buffers.h"
#include "runtime/cuda/Memory.h"

#include <dlfcn.h>

extern "C" const fx_program PROGRAM;
using namespace fluxion::bench;
using namespace fluxion::rt;

namespace {

struct Product {
  bool isTf32 = false, leftTransposed = false, rightTransposed = false;
  int64_t m = 0, n = 0, k = 0;
  int count = 1;
};

bool parse(const char *name, Product &p) {
  char element[8], order[4];
  long m, n, k;
  if (std::sscanf(name, "%4[a-z0-9]_%2[nt]_%ldx%ldx%ld_x%d", element, order, &m, &n, &k,
                  &p.count) != 6)
    return false;
  p.isTf32 = !std::strcmp(element, "tf32");
  p.leftTransposed = order[0] == 't', p.rightTransposed = order[1] == 't';
  p.m = m, p.n = n, p.k = k;
  return true;
}

// The few functions of cublasLt.h (12 and 13) that are used.
constexpr int threadLocalCapture = 1; // CU_STREAM_CAPTURE_MODE_THREAD_LOCAL

struct Blas {
  using Handle = void *;
  struct Choice { // cublasLtMatmulHeuristicResult_t
    uint64_t algo[8];
    size_t workspace;
    int state;
    float waves;
    int reserved[4];
  };
  int (*create)(Handle *);
  int (*descCreate)(Handle *, int computeType, int scaleType);
  int (*descSet)(Handle, int, const void *, size_t);
  int (*layoutCreate)(Handle *, int type, uint64_t rows, uint64_t columns, int64_t pitch);
  int (*preferenceCreate)(Handle *);
  int (*preferenceSet)(Handle, int, const void *, size_t);
  int (*choose)(Handle, Handle, Handle, Handle, Handle, Handle, Handle, int, Choice *, int *);
  int (*multiply)(Handle, Handle, const void *, const void *, Handle, const void *, Handle,
                  const void *, const void *, Handle, void *, Handle, const void *, void *, size_t,
                  cuda::CUstream);
  // Of the driver, to make a graph of its launches.
  cuda::CUresult (*beginCapture)(cuda::CUstream, int mode);
  cuda::CUresult (*endCapture)(cuda::CUstream, cuda::CUgraph *);
  Handle handle = nullptr;

  bool open() {
    void *library = nullptr, *libcuda = dlopen("libcuda.so.1", RTLD_NOW);
    for (const char *name : {"libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so",
                             "/usr/local/cuda/lib64/libcublasLt.so"})
      if (!library)
        library = dlopen(name, RTLD_NOW);
    if (!library || !libcuda)
      return false;
    auto findIn = [](void *where, auto &function, const char *name) {
      function = (std::remove_reference_t<decltype(function)>)dlsym(where, name);
      return function != nullptr;
    };
    auto find = [&](auto &function, const char *name) { return findIn(library, function, name); };
    return find(create, "cublasLtCreate") && find(descCreate, "cublasLtMatmulDescCreate") &&
           find(descSet, "cublasLtMatmulDescSetAttribute") &&
           find(layoutCreate, "cublasLtMatrixLayoutCreate") &&
           find(preferenceCreate, "cublasLtMatmulPreferenceCreate") &&
           find(preferenceSet, "cublasLtMatmulPreferenceSetAttribute") &&
           find(choose, "cublasLtMatmulAlgoGetHeuristic") && find(multiply, "cublasLtMatmul") &&
           findIn(libcuda, beginCapture, "cuStreamBeginCapture_v2") &&
           findIn(libcuda, endCapture, "cuStreamEndCapture") && create(&handle) == 0;
  }
};

class Bench {
public:
  Bench(std::shared_ptr<const cuda::Driver> driver) : driver(*driver), owner(driver) {
    this->driver.cuStreamCreate(&stream, cuda::nonBlockingStream);
    hasBlas = blas.open();
    if (!hasBlas)
      std::printf("cuBLASLt was not found; times stand alone\n");
  }
  int run(Instance &gpu, const fx_entry &entry);

private:
  const cuda::Driver &driver;
  std::shared_ptr<const cuda::Driver> owner;
  cuda::CUstream stream = nullptr;
  Blas blas;
  bool hasBlas = false;

  double blasSeconds(const Product &p, const std::vector<std::vector<std::byte>> &inputs,
                     std::vector<std::byte> &lastResult, int64_t runs);
};

// The fastest of the library's first choices, in seconds for all products.
double Bench::blasSeconds(const Product &p, const std::vector<std::vector<std::byte>> &inputs,
                          std::vector<std::byte> &lastResult, int64_t runs) {
  constexpr int f32 = 0, bf16 = 14, sum32 = 68, sumTf32 = 77, choices = 4;
  constexpr size_t workspaceBytes = 64 << 20;
  int type = p.isTf32 ? f32 : bf16, resultType = p.isTf32 ? f32 : bf16;
  std::vector<cuda::CUdeviceptr> sides;
  auto place = [&](size_t bytes) {
    cuda::CUdeviceptr at = 0;
    driver.cuMemAlloc(&at, bytes);
    sides.push_back(at);
    return at;
  };
  for (auto &input : inputs)
    driver.cuMemcpyHtoDAsync(place(input.size()), input.data(), input.size(), stream);
  cuda::CUdeviceptr result = place(lastResult.size()), workspace = place(workspaceBytes);
  // Column by column: the transposed product of the sides exchanged.
  Blas::Handle desc, first, second, third, preference;
  int transposeFirst = p.rightTransposed ? 1 : 0, transposeSecond = p.leftTransposed ? 1 : 0;
  blas.descCreate(&desc, p.isTf32 ? sumTf32 : sum32, f32);
  blas.descSet(desc, 3, &transposeFirst, sizeof transposeFirst);
  blas.descSet(desc, 4, &transposeSecond, sizeof transposeSecond);
  auto layout = [&](Blas::Handle &made, int element, int64_t rows, int64_t columns) {
    blas.layoutCreate(&made, element, rows, columns, rows);
  };
  layout(first, type, p.rightTransposed ? p.k : p.n, p.rightTransposed ? p.n : p.k);
  layout(second, type, p.leftTransposed ? p.m : p.k, p.leftTransposed ? p.k : p.m);
  layout(third, resultType, p.n, p.m);
  blas.preferenceCreate(&preference);
  blas.preferenceSet(preference, 1, &workspaceBytes, sizeof workspaceBytes);
  Blas::Choice found[choices];
  int count = 0;
  blas.choose(blas.handle, desc, first, second, third, third, preference, choices, found, &count);
  double best = INFINITY;
  float one = 1, zero = 0;
  for (int i = 0; i < count; ++i) {
    auto all = [&] {
      int code = 0;
      for (int j = 0; j < p.count; ++j)
        code |=
            blas.multiply(blas.handle, desc, &one, (void *)sides[1 + j], first, (void *)sides[0],
                          second, &zero, (void *)result, third, (void *)result, third,
                          found[i].algo, (void *)workspace, workspaceBytes, stream);
      return code;
    };
    cuda::CUgraph graph = nullptr;
    cuda::CUgraphExec exec = nullptr;
    if (all() || driver.cuStreamSynchronize(stream) ||
        blas.beginCapture(stream, threadLocalCapture))
      continue;
    int code = all();
    if (blas.endCapture(stream, &graph) || code ||
        driver.cuGraphInstantiateWithFlags(&exec, graph, 0))
      continue;
    double seconds = INFINITY;
    for (int round = 0; round < 3; ++round) {
      driver.cuGraphLaunch(exec, stream);
      driver.cuStreamSynchronize(stream);
      timespec from, to;
      clock_gettime(CLOCK_MONOTONIC, &from);
      for (int64_t r = 0; r < runs; ++r)
        driver.cuGraphLaunch(exec, stream);
      driver.cuStreamSynchronize(stream);
      clock_gettime(CLOCK_MONOTONIC, &to);
      seconds = std::min(
          seconds, (double(to.tv_sec - from.tv_sec) + 1e-9 * double(to.tv_nsec - from.tv_nsec)) /
                       double(runs));
    }
    best = std::min(best, seconds);
    driver.cuGraphExecDestroy(exec);
    driver.cuGraphDestroy(graph);
  }
  driver.cuMemcpyDtoHAsync(lastResult.data(), result, lastResult.size(), stream);
  driver.cuStreamSynchronize(stream);
  for (cuda::CUdeviceptr side : sides)
    driver.cuMemFree(side);
  return best;
}

int Bench::run(Instance &gpu, const fx_entry &entry) {
  Product p;
  if (!parse(entry.name, p))
    return 0;
  Buffers inputs = inputsOf(entry), outputs(entry.outputs, entry.num_outputs);
  double flops = 2.0 * double(p.m) * double(p.n) * double(p.k) * p.count, seconds = 0;
  int64_t runs = std::clamp<int64_t>(int64_t(0.04 / (flops / 6e14 + 2e-6 * p.count)), 5, 400);
  if (Status status = measureLeast(gpu, entry, inputs, outputs, runs, seconds); !status) {
    std::printf("%-34s %s\n", entry.name, status.message().c_str());
    return 1;
  }
  std::printf("%-34s %9.2f us %7.1f TFLOP/s", entry.name, 1e6 * seconds / p.count,
              flops / seconds / 1e12);
  bool good = true;
  if (hasBlas) {
    const fx_tensor &last = entry.outputs[entry.num_outputs - 1];
    std::vector<std::byte> expected(last.bytes);
    double other = blasSeconds(p, inputs.bytes, expected, runs), largest = 1e-30, apart = 0;
    for (size_t i = 0; i < expected.size() / widths[last.dtype]; ++i) {
      double x = number(last, outputs.bytes.back(), i), y = number(last, expected, i);
      largest = std::max(largest, std::fabs(y));
      apart = std::isfinite(x) ? std::max(apart, std::fabs(x - y)) : INFINITY;
    }
    good = largest > 1 && apart / largest < 1e-2;
    std::printf("  cuBLASLt %9.2f us %7.1f  ratio %5.3f  difference %.1e%s", 1e6 * other / p.count,
                flops / other / 1e12, other / seconds, apart / largest, good ? "" : "  WRONG");
  }
  std::printf("\n");
  std::fflush(stdout);
  return !good;
}

} // namespace

// Entry points whose name holds the argument; all without one.
int main(int argc, char **argv) {
  std::unique_ptr<Instance> gpu = start(PROGRAM, "cuda");
  if (!gpu)
    return 1;
  std::shared_ptr<const cuda::Driver> driver;
  if (Status status = cuda::Driver::open(driver); !status)
    return 1;
  Bench bench(driver);
  int code = 0;
  for (uint32_t e = 0; e < PROGRAM.num_entries; ++e)
    if (argc < 2 || std::strstr(PROGRAM.entries[e].name, argv[1]))
      code |= bench.run(*gpu, gpu->program().entries[e]);
  return code;
}
