// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/report/Reproducer.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

std::string fluxion::passes::writeReproducer(
    Operation *program, const std::string &file,
    llvm::function_ref<std::string(const std::string &written)> command) {
  SmallString<128> written(file);
  int descriptor = -1;
  std::error_code problem = StringRef(file).contains('%')
                                ? llvm::sys::fs::createUniqueFile(file, descriptor, written)
                                : llvm::sys::fs::openFileForWrite(file, descriptor);
  if (!problem) {
    llvm::raw_fd_ostream out(descriptor, /*shouldClose=*/true);
    out << "// " << command(written.str().str()) << "\n";
    program->print(out, OpPrintingFlags().enableDebugInfo());
    out << "\n";
    out.flush();
    problem = out.error();
    out.clear_error();
  }
  return problem ? "no reproducer: " + file + ": " + problem.message()
                 : "reproducer written to " + written.str().str();
}
