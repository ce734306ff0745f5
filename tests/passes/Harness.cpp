// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/passes/Harness.h"

#include "codegen/common/Backend.h"
#include "codegen/common/Target.h"
#include "codegen/llvm/Jit.h"
#include "codegen/llvm/LowerProgram.h"
#include "ir/Dialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

using namespace mlir;
using namespace fluxion;

namespace {

struct Memory {
  explicit Memory(uint64_t bytes, int fill)
      : size((bytes + 4095) / 4096 * 4096 + 4096),
        data(static_cast<char *>(std::aligned_alloc(4096, size))) {
    std::memset(data, fill, size);
  }
  Memory(Memory &&other) noexcept : size(other.size), data(std::exchange(other.data, nullptr)) {}
  ~Memory() { std::free(data); }
  uint64_t size;
  char *data;
};

extern "C" void runTasks(fx_context *, fx_task_fn body, void *args, int64_t tasks) {
  for (int64_t task = 0; task < tasks; ++task) // in pieces, as threads would
    body(args, task, task + 1);
}

// Numbers in [-1, 1) and small integers from the tensor's name; variances and scales stay positive.
void fill(char *data, const fx_tensor &tensor) {
  uint64_t state = 88172645463325252ull;
  for (const char *c = tensor.name; *c; ++c)
    state = state * 31 + (unsigned char)*c;
  auto next = [&] { return state ^= state << 13, state ^= state >> 7, state ^= state << 17; };
  std::string name = tensor.name;
  bool positive = name.find("var") != name.npos || name.find("scale") != name.npos ||
                  name.find("second") != name.npos;
  int64_t count = 1;
  for (int32_t d = 0; d < tensor.rank; ++d)
    count *= tensor.dims[d];
  for (int64_t i = 0; i < count; ++i) {
    double unit = double(next() >> 11) * 0x1p-53,
           number = positive ? 0.5 + unit : (2 * unit - 1) * (tensor.role == FX_VALUE ? 1 : 0.2);
    switch (tensor.dtype) {
    case FX_F32:
      reinterpret_cast<float *>(data)[i] = (float)number;
      break;
    case FX_F64:
      reinterpret_cast<double *>(data)[i] = number;
      break;
    case FX_I32:
      reinterpret_cast<int32_t *>(data)[i] = int32_t(next() % 10);
      break;
    case FX_I64:
      reinterpret_cast<int64_t *>(data)[i] = int64_t(next() % 100);
      break;
    default:
      data[i] = char(next() & 1);
      break;
    }
  }
}

// Between the order an item is stored in and its declared one.
void reorder(const fx_tensor &item, char *stored, char *dense, bool store) {
  int64_t count = 1;
  for (int32_t d = 0; d < item.rank; ++d)
    count *= item.dims[d];
  size_t size = item.bytes / count;
  for (int64_t at = 0; at < count; ++at) {
    std::vector<int64_t> index(item.rank);
    int64_t rest = at, position = 0;
    for (int32_t i = item.rank - 1; i >= 0; --i) {
      int64_t dim = item.layout ? item.layout[i] : i;
      index[dim] = rest % item.dims[dim];
      rest /= item.dims[dim];
    }
    for (int32_t d = 0; d < item.rank; ++d)
      position = position * item.dims[d] + index[d];
    store ? std::memcpy(stored + at * size, dense + position * size, size)
          : std::memcpy(dense + position * size, stored + at * size, size);
  }
}

void runEntry(const fx_program &program, const fx_entry &entry, Memory &state, Outcome &outcome) {
  Memory arena(program.arena_bytes, 0xff);
  std::vector<Memory> in, out;
  std::vector<const void *> inputs;
  std::vector<void *> outputs;
  for (uint32_t i = 0; i < entry.num_inputs; ++i) {
    fill(in.emplace_back(entry.inputs[i].bytes, 0).data, entry.inputs[i]);
    inputs.push_back(in.back().data);
  }
  for (uint32_t i = 0; i < entry.num_outputs; ++i)
    outputs.push_back(out.emplace_back(entry.outputs[i].bytes, 0xdd).data);
  EXPECT_EQ(entry.run(nullptr, state.data, arena.data, inputs.data(), outputs.data()), 0)
      << entry.name;
  std::string prefix = std::string(entry.name) + ".";
  for (uint32_t i = 0; i < entry.num_outputs; ++i)
    outcome[prefix + std::to_string(i) + ".f" + std::to_string(entry.outputs[i].dtype)].assign(
        out[i].data, out[i].data + entry.outputs[i].bytes);
  for (uint32_t i = 0; i < program.num_state; ++i) {
    const fx_tensor &item = program.state[i];
    std::vector<char> &bytes = outcome[prefix + item.name + ".f" + std::to_string(item.dtype)];
    bytes.resize(item.bytes);
    reorder(item, state.data + item.offset, bytes.data(), /*store=*/false);
  }
}

} // namespace

Outcome runProgram(const std::string &text, const passes::PipelineOptions &given,
                   const std::string &only) {
  Outcome outcome;
  MLIRContext context;
  context.loadDialect<ir::FluxionDialect, func::FuncDialect>();
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  llvm::Expected<ir::TargetInfo> target = codegen::parseTarget("cpu");
  if (!module || !target) {
    ADD_FAILURE() << "the program or the target does not parse";
    return outcome;
  }
  (*module)->setAttr(ir::targetAttrName, target->toAttr(&context));
  std::unique_ptr<ir::KernelModel> model = codegen::makeKernelModel();
  passes::PipelineOptions options = given;
  options.model = model.get();
  if (failed(passes::runPipeline(*module, options))) {
    ADD_FAILURE() << "the pipeline failed";
    return outcome;
  }
  llvm::LLVMContext llvmContext;
  codegen::LowerOptions lowering;
  auto lowered = codegen::lowerProgram(*module, llvmContext, lowering);
  if (!lowered) {
    ADD_FAILURE() << llvm::toString(lowered.takeError());
    return outcome;
  }
  auto object = codegen::emitObject(*lowered, *target, lowering);
  if (!object) {
    ADD_FAILURE() << llvm::toString(object.takeError());
    return outcome;
  }
  std::vector<std::string> objects{*object};
  objects.insert(objects.end(), lowered->extraObjects.begin(), lowered->extraObjects.end());
  auto linked =
      codegen::linkInProcess(objects, lowered->descriptor, {{"fx_parallel_for", (void *)runTasks}});
  if (!linked) {
    ADD_FAILURE() << llvm::toString(linked.takeError());
    return outcome;
  }
  const fx_program &program = *(*linked)->program();
  Memory state(program.state_bytes, 0xee);
  for (uint32_t i = 0; i < program.num_state; ++i) {
    std::vector<char> dense(program.state[i].bytes);
    fill(dense.data(), program.state[i]);
    reorder(program.state[i], state.data + program.state[i].offset, dense.data(), /*store=*/true);
  }
  for (uint32_t e = 0; e < program.num_entries; ++e)
    if (only.empty() || only == program.entries[e].name)
      runEntry(program, program.entries[e], state, outcome);
  return outcome;
}

double difference(const Outcome &a, const Outcome &b) {
  double worst = a.size() == b.size() ? 0 : INFINITY;
  for (auto &[name, bytes] : a) {
    auto other = b.find(name);
    if (other == b.end() || other->second.size() != bytes.size())
      return INFINITY;
    if (bytes == other->second)
      continue;
    if (!llvm::StringRef(name).ends_with(".f" + std::to_string(FX_F32)))
      return INFINITY;
    double largest = 1e-6, error = 0;
    for (size_t i = 0; i < bytes.size(); i += 4) {
      float x, y;
      std::memcpy(&x, &bytes[i], 4), std::memcpy(&y, &other->second[i], 4);
      if (std::isnan(x) != std::isnan(y))
        return INFINITY;
      if (std::isnan(x) || x == y)
        continue;
      largest = std::max<double>(largest, std::fabs(x));
      error = std::max<double>(error, std::fabs(x - y));
    }
    worst = std::max(worst, error / largest);
  }
  return worst;
}
