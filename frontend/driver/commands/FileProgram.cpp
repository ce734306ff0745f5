// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/driver/commands/FileProgram.h"

#include "ir/Target.h"
#include "passes/Program.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cstring>
#include <filesystem>
#include <random>
#include <stdexcept>

namespace fluxion::driver {

Program readProgram(const std::string &path) {
  auto impl = std::make_shared<Program::Impl>();
  impl->context = dsl::makeContext();
  impl->name = std::filesystem::path(path).stem().string();
  std::string first;
  mlir::ScopedDiagnosticHandler handler(impl->context.get(), [&](mlir::Diagnostic &diagnostic) {
    if (!first.empty() || diagnostic.getSeverity() != mlir::DiagnosticSeverity::Error)
      return;
    llvm::raw_string_ostream out(first);
    if (auto at = llvm::dyn_cast<mlir::FileLineColLoc>(diagnostic.getLocation()))
      out << at.getFilename().getValue() << ":" << at.getLine() << ":" << at.getColumn() << ": ";
    out << diagnostic.str();
  });
  auto text = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!text)
    throw std::runtime_error(path + ": " + text.getError().message());
  impl->module =
      mlir::parseSourceString<mlir::ModuleOp>((*text)->getBuffer(), impl->context.get(), path);
  if (!impl->module)
    throw std::runtime_error(first.empty() ? path + " is not a module of the fluxion dialect"
                                           : first);
  for (auto function : impl->module->getOps<mlir::func::FuncOp>())
    function->setAttr(ir::entryAttrName, mlir::UnitAttr::get(impl->context.get()));
  if (mlir::failed(passes::checkProgram(*impl->module)))
    throw std::runtime_error(first);
  return {impl};
}

mlir::func::FuncOp findFunction(const Program &program, const std::string &name) {
  std::vector<std::string> names;
  mlir::func::FuncOp found;
  for (auto function : program.impl->module->getOps<mlir::func::FuncOp>()) {
    names.push_back(function.getSymName().str());
    if (name.empty() || name == names.back())
      found = function;
  }
  if (names.empty())
    throw std::runtime_error("the file has no functions");
  if (name.empty() && names.size() > 1)
    throw std::runtime_error("there are the functions @" + llvm::join(names, ", @") +
                             "; choose one with --func");
  if (!found) {
    std::string close = dsl::nearest(name, names);
    throw std::runtime_error("no function @" + name +
                             (close.empty() ? "; there is @" + llvm::join(names, ", @")
                                            : "; did you mean @" + close + "?"));
  }
  return found;
}

namespace {

const llvm::fltSemantics &semanticsOf(DType type) {
  return type == DType::f64   ? llvm::APFloat::IEEEdouble()
         : type == DType::f32 ? llvm::APFloat::IEEEsingle()
         : type == DType::f16 ? llvm::APFloat::IEEEhalf()
                              : llvm::APFloat::BFloat();
}

} // namespace

// Floats are multiples of 2^-7, exact in every element type.
Array randomArray(const Type &type, uint64_t seed) {
  Array array(type);
  std::mt19937_64 random(seed);
  size_t width = (size_t)bytesOf(type.dtype);
  for (int64_t i = 0; i < type.elements(); ++i) {
    uint64_t bits = random() >> 32;
    if (isFloat(type.dtype)) {
      llvm::APFloat number(((double)(bits % 256) - 128) / 128);
      bool lost;
      number.convert(semanticsOf(type.dtype), llvm::APFloat::rmNearestTiesToEven, &lost);
      bits = number.bitcastToAPInt().getZExtValue();
    } else {
      bits %= type.dtype == DType::i1 ? 2 : 10;
    }
    std::memcpy(array.data<char>() + i * width, &bits, width);
  }
  return array;
}

} // namespace fluxion::driver
