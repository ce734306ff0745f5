// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/driver/commands/Measure.h"

#include "frontend/driver/Compiled.h"
#include "frontend/driver/commands/Commands.h"
#include "frontend/driver/commands/FileProgram.h"
#include "ir/KernelModel.h"
#include "ir/Target.h"
#include "passes/schedule/ScheduleSource.h"

#include "mlir/Parser/Parser.h"

#include <algorithm>
#include <stdexcept>

namespace fluxion::driver {

namespace {

Type typeOf(const fx_tensor &tensor) {
  return {DType(tensor.dtype), Shape(tensor.dims, tensor.dims + tensor.rank)};
}

} // namespace

EntryCall::EntryCall(Compiled &program, const std::string &name, std::span<const Array> inputs)
    : compiled(program), entry(program.impl->instance->entry(name.c_str())) {
  if (!entry)
    throw std::runtime_error("the program has no entry point named " + name);
  std::vector<fx_tensor> tensors(entry->inputs, entry->inputs + entry->num_inputs);
  tensors.insert(tensors.end(), entry->outputs, entry->outputs + entry->num_outputs);
  // Tensors start on cache lines, at different places of a page.
  std::vector<uint64_t> offsets = {0};
  for (const fx_tensor &tensor : tensors)
    offsets.push_back(offsets.back() + (tensor.bytes + 63) / 64 * 64 + 1088);
  if (rt::Status status = rt::Arena::create(offsets.back(), memory); !status)
    throw std::runtime_error(status.message());
  for (uint32_t i = 0; i < tensors.size(); ++i) {
    std::byte *place = memory.data() + offsets[i];
    if (i >= entry->num_inputs) {
      out.push_back(place);
      continue;
    }
    Array array = i < inputs.size() ? inputs[i] : randomArray(typeOf(tensors[i]), 1 + i);
    std::copy_n(array.data<std::byte>(), array.size(), place);
    in.push_back(place);
  }
}

void EntryCall::operator()() {
  if (rt::Status status = compiled.impl->instance->run(*entry, in, out); !status)
    throw std::runtime_error(status.message());
}

bool EntryCall::onGpu() const { return compiled.impl->instance->program().runtime; }

bool EntryCall::hasLibraries() const { return compiled.impl->instance->hasLibraries(*entry); }

std::string EntryCall::target() const { return compiled.impl->instance->program().target; }

bool EntryCall::isEmulated() const { return target().starts_with("cuda-emulated"); }

double EntryCall::secondsOf(int64_t runs) {
  double seconds = 0;
  if (rt::Status status = compiled.impl->instance->measure(*entry, in, out, runs, seconds); !status)
    throw std::runtime_error(status.message());
  return seconds;
}

rt::ThreadPool &EntryCall::pool() const { return compiled.impl->instance->pool(); }

DType EntryCall::type() const {
  auto isDouble = [](const fx_tensor &tensor) { return tensor.dtype == FX_F64; };
  return std::any_of(entry->inputs, entry->inputs + entry->num_inputs, isDouble) ||
                 std::any_of(entry->outputs, entry->outputs + entry->num_outputs, isDouble)
             ? DType::f64
             : DType::f32;
}

Array EntryCall::result(size_t index) const {
  Array array(typeOf(entry->outputs[index]));
  std::copy_n(static_cast<const std::byte *>(out[index]), array.size(), array.data<std::byte>());
  return array;
}

// What a GPU computes, one run behind the other, without the copies to and from it.
static Timing timeOnGpu(EntryCall &call, double seconds) {
  int64_t runs =
      std::clamp<int64_t>(int64_t(seconds / 10 / std::max(1e-7, call.secondsOf(1))), 1, 10000);
  std::vector<double> samples;
  for (int i = 0; i < 5; ++i)
    samples.push_back(call.secondsOf(runs));
  std::sort(samples.begin(), samples.end());
  return {samples.front(), samples[samples.size() / 2], 5 * runs};
}

Timing timeCall(EntryCall &call, double seconds) {
  if (call.onGpu())
    return timeOnGpu(call, seconds);
  for (int warm = 0; warm < 3; ++warm)
    call();
  double from = rt::secondsNow();
  call();
  int64_t batch = std::max<int64_t>(1, int64_t(2e-4 / std::max(1e-7, rt::secondsNow() - from)));
  std::vector<double> samples;
  for (double start = rt::secondsNow(); samples.size() < 5 || rt::secondsNow() - start < seconds;) {
    from = rt::secondsNow();
    for (int64_t i = 0; i < batch; ++i)
      call();
    samples.push_back((rt::secondsNow() - from) / double(batch));
  }
  std::sort(samples.begin(), samples.end());
  return {samples.front(), samples[samples.size() / 2], int64_t(samples.size()) * batch};
}

bool isMlirFile(const std::string &subject) { return llvm::StringRef(subject).ends_with(".mlir"); }

Program subjectProgram(const std::string &subject, int64_t batch) {
  return isMlirFile(subject) ? readProgram(subject) : makeModel(subject, batch);
}

std::vector<DistinctKernel> distinctKernels(mlir::ModuleOp planned) {
  std::vector<DistinctKernel> kernels;
  std::map<std::string, size_t> known;
  planned.walk([&](ir::KernelOp kernel) {
    auto [at, isNew] = known.try_emplace(passes::kernelFingerprint(kernel), kernels.size());
    if (isNew)
      kernels.push_back(
          {kernel, "k" + std::to_string(kernels.size()) + "_" + kernel.getName().str(), 1});
    else
      ++kernels[at->second].count;
  });
  return kernels;
}

void KernelProgram::add(ir::KernelOp kernel, const std::string &entry,
                        mlir::DictionaryAttr schedule) {
  auto scratch = mlir::OwningOpRef<mlir::ModuleOp>(mlir::ModuleOp::create(kernel.getLoc()));
  mlir::OpBuilder b = mlir::OpBuilder::atBlockEnd(scratch->getBody());
  auto function = mlir::func::FuncOp::create(
      b, kernel.getLoc(), entry,
      b.getFunctionType(kernel->getOperandTypes(), kernel->getResultTypes()));
  function->setAttr(ir::entryAttrName, b.getUnitAttr());
  mlir::Block *block = function.addEntryBlock();
  b.setInsertionPointToStart(block);
  auto copy = llvm::cast<ir::KernelOp>(b.clone(*kernel));
  copy->setOperands(block->getArguments());
  copy.removePlacesAttr();
  copy->removeAttr(ir::scratchPlaceAttrName);
  if (schedule)
    copy.setScheduleAttr(ir::ScheduleAttr::get(kernel.getContext(), schedule));
  mlir::func::ReturnOp::create(b, kernel.getLoc(), copy.getResults());
  llvm::raw_string_ostream out(text);
  function->print(out);
  out << "\n";
}

Program KernelProgram::finish() {
  auto impl = std::make_shared<Program::Impl>();
  impl->context = dsl::makeContext();
  impl->name = "kernels";
  impl->module = mlir::parseSourceString<mlir::ModuleOp>(text, impl->context.get());
  if (!impl->module)
    throw std::runtime_error("internal error: kernels do not parse on their own");
  return {impl};
}

} // namespace fluxion::driver
