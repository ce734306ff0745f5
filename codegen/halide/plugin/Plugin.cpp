// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The plug-in's one function: a pipeline to an object that needs nothing of Halide's runtime.
#include "codegen/halide/plugin/WindowPipeline.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <unistd.h>

using namespace Halide;
using namespace fluxion::codegen::halide;

namespace {

// What a pipeline asks of halide_malloc. Scratch is planned before and given back only at the end
// of a call, so every allocation has a fixed size and is made once.
class HeapUse : public Internal::IRVisitor {
public:
  int64_t bytes = 0;
  bool fixed = true;

protected:
  using Internal::IRVisitor::visit;
  void visit(const Internal::Allocate *op) override {
    constexpr int64_t stackBytes = 16 << 10; // larger ones are on the heap unless called registers
    int64_t size = (int64_t)op->constant_allocation_size() * op->type.bytes();
    bool stack = op->memory_type == MemoryType::Register ||
                 (op->memory_type != MemoryType::Heap && size > 0 && size <= stackBytes);
    if (!stack) {
      fixed = fixed && size > 0 && loops == 0;
      bytes += size + 2 * 128;
    }
    Internal::IRVisitor::visit(op);
  }
  void visit(const Internal::For *op) override {
    ++loops;
    Internal::IRVisitor::visit(op);
    --loops;
  }

private:
  int loops = 0;
};

Target targetOf(const WindowKernel &k) {
  std::vector<Target::Feature> features = {Target::NoRuntime, Target::NoBoundsQuery};
  // A kernel that forks reports what goes wrong; nothing can in one that calls nothing.
  features.push_back(k.forks ? Target::UserContext : Target::NoAsserts);
  // NaN decides a maximum; elsewhere it only has to come through.
  if (k.op == WindowOp::Max || k.op == WindowOp::Min || k.op == WindowOp::Argmax)
    features.push_back(Target::StrictFloat);
  Target host = get_host_target();
  if (host.arch == Target::X86) {
    features.push_back(Target::SSE41);
    if (k.vectorBytes >= 32)
      features.insert(features.end(), {Target::AVX, Target::AVX2, Target::F16C});
    if (k.vectorBytes >= 64)
      features.insert(features.end(), {Target::AVX512, Target::AVX512_Skylake});
    if (k.fma)
      features.push_back(Target::FMA);
  }
  return Target(Target::Linux, host.arch, 64, features);
}

void emit(const WindowKernel &kernel, const std::string &path) {
  bool planes = kernel.op == WindowOp::Planes || kernel.op == WindowOp::PlanesWeightGradient;
  KernelPipeline pipeline = planes ? planesPipeline(kernel)
                            : kernel.op == WindowOp::DepthwiseWeightGradient
                                ? weightGradientPipeline(kernel)
                                : windowPipeline(kernel);
  Module module = pipeline.out.compile_to_module(
      std::vector<Argument>(pipeline.params.begin(), pipeline.params.end()), kernel.symbol,
      targetOf(kernel));
  HeapUse heap;
  for (const Internal::LoweredFunc &function : module.functions())
    function.body.accept(&heap);
  if (!heap.fixed || heap.bytes > kernel.heapBytes)
    throw std::runtime_error(
        "the pipeline needs " + (heap.fixed ? std::to_string(heap.bytes) : std::string("unknown")) +
        " bytes of heap, " + std::to_string(kernel.heapBytes) + " are planned");
  module.compile({{OutputFileType::object, path}});
}

} // namespace

extern "C" int fluxion_halide_compile_window(const WindowKernel *kernel, std::string *object,
                                             std::string *error) {
  std::error_code none;
  std::string path =
      (std::filesystem::temp_directory_path(none) / "fluxion-halide-XXXXXX.o").string();
  int fd = mkstemps(path.data(), 2);
  if (fd < 0) {
    *error = "cannot create the temporary file " + path;
    return 1;
  }
  close(fd);
  int failed = 0;
  try {
    emit(*kernel, path);
    std::ifstream in(path, std::ios::binary);
    object->assign(std::istreambuf_iterator<char>(in), {});
    failed = object->empty();
    if (failed)
      *error = "Halide wrote no object to " + path;
  } catch (const Halide::Error &e) {
    *error = e.what();
    failed = 1;
  } catch (const std::exception &e) {
    *error = e.what();
    failed = 1;
  }
  std::remove(path.c_str());
  return failed;
}
