// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/llvm/Jit.h"

#include "llvm/ExecutionEngine/Orc/Core.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"

#include <cstring>

using namespace llvm;
using namespace fluxion::codegen;

namespace {

class OrcProgram final : public LinkedProgram {
public:
  OrcProgram(std::unique_ptr<orc::LLJIT> jit, const fx_program *descriptor)
      : jit(std::move(jit)), descriptor(descriptor) {}
  const fx_program *program() const override { return descriptor; }

private:
  std::unique_ptr<orc::LLJIT> jit;
  const fx_program *descriptor;
};

} // namespace

Expected<std::unique_ptr<LinkedProgram>>
fluxion::codegen::linkInProcess(ArrayRef<std::string> objects, StringRef descriptor,
                                ArrayRef<std::pair<std::string, void *>> runtime) {
  InitializeNativeTarget();
  InitializeNativeTargetAsmPrinter();
  auto jit = orc::LLJITBuilder().create();
  if (!jit)
    return jit.takeError();
  // What LLVM itself may call from kernels: block copies. Nothing else of the process is visible.
  orc::SymbolMap symbols;
  auto define = [&](StringRef name, void *address) {
    symbols[(*jit)->mangleAndIntern(name)] = {orc::ExecutorAddr::fromPtr(address),
                                              JITSymbolFlags::Exported};
  };
  define("memcpy", (void *)&std::memcpy);
  define("memmove", (void *)&std::memmove);
  define("memset", (void *)&std::memset);
  for (auto &[name, address] : runtime)
    define(name, address);
  orc::JITDylib &library = (*jit)->getMainJITDylib();
  if (Error error = library.define(orc::absoluteSymbols(std::move(symbols))))
    return std::move(error);
  for (const std::string &object : objects)
    if (Error error = (*jit)->addObjectFile(MemoryBuffer::getMemBufferCopy(object, "fluxion.o")))
      return std::move(error);
  auto address = (*jit)->lookup(descriptor);
  if (!address)
    return address.takeError();
  return std::make_unique<OrcProgram>(std::move(*jit), address->toPtr<const fx_program *>());
}
