// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/driver/commands/Measure.h"

#include "fluxion/runtime.h"
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

Timing timeEntry(Compiled &compiled, const std::string &name, double seconds) {
  rt::Instance &instance = *compiled.impl->instance;
  const fx_entry *entry = instance.entry(name.c_str());
  if (!entry)
    throw std::runtime_error("the program has no entry point named " + name);
  std::vector<Array> arrays;
  std::vector<const void *> in;
  std::vector<void *> out;
  for (uint32_t i = 0; i < entry->num_inputs + entry->num_outputs; ++i) {
    const fx_tensor &tensor =
        i < entry->num_inputs ? entry->inputs[i] : entry->outputs[i - entry->num_inputs];
    arrays.push_back(
        randomArray({DType(tensor.dtype), Shape(tensor.dims, tensor.dims + tensor.rank)}, 1 + i));
  }
  for (uint32_t i = 0; i < arrays.size(); ++i)
    if (i < entry->num_inputs)
      in.push_back(arrays[i].data<char>());
    else
      out.push_back(arrays[i].data<char>());
  auto once = [&] {
    if (rt::Status status = instance.run(*entry, in, out); !status)
      throw std::runtime_error(status.message());
  };
  for (int warm = 0; warm < 3; ++warm)
    once();
  double from = rt::secondsNow();
  once();
  int64_t batch = std::max<int64_t>(1, int64_t(2e-4 / std::max(1e-7, rt::secondsNow() - from)));
  std::vector<double> samples;
  for (double start = rt::secondsNow(); samples.size() < 5 || rt::secondsNow() - start < seconds;) {
    from = rt::secondsNow();
    for (int64_t i = 0; i < batch; ++i)
      once();
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
