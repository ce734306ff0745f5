// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/dsl/Trace.h"

#include "ir/Target.h"

#include "llvm/ADT/StringExtras.h"

#include <atomic>

using namespace mlir;

namespace fluxion::dsl {

namespace {
thread_local Trace *activeTrace = nullptr;
std::atomic<uint64_t> traceCounter{1};
} // namespace

std::shared_ptr<MLIRContext> makeContext() {
  auto context = std::make_shared<MLIRContext>(MLIRContext::Threading::DISABLED);
  context->loadDialect<ir::FluxionDialect, func::FuncDialect>();
  context->printOpOnDiagnostic(false); // an error gives the user's place, not the program
  return context;
}

RankedTensorType toMlir(MLIRContext *context, const Type &type) {
  Builder b(context);
  switch (type.dtype) {
  case DType::f64:
    return RankedTensorType::get(type.shape, b.getF64Type());
  case DType::f32:
    return RankedTensorType::get(type.shape, b.getF32Type());
  case DType::bf16:
    return RankedTensorType::get(type.shape, b.getBF16Type());
  case DType::f16:
    return RankedTensorType::get(type.shape, b.getF16Type());
  case DType::i64:
    return RankedTensorType::get(type.shape, b.getI64Type());
  case DType::i32:
    return RankedTensorType::get(type.shape, b.getI32Type());
  case DType::i16:
    return RankedTensorType::get(type.shape, b.getI16Type());
  case DType::i8:
    return RankedTensorType::get(type.shape, b.getI8Type());
  case DType::u8:
    return RankedTensorType::get(type.shape, b.getIntegerType(8, /*isSigned=*/false));
  case DType::i1:
    return RankedTensorType::get(type.shape, b.getI1Type());
  }
  llvm_unreachable("all element types are above");
}

Type fromMlir(mlir::Type type) {
  auto ranked = cast<RankedTensorType>(type);
  mlir::Type element = ranked.getElementType();
  DType dtype = element.isF64()                ? DType::f64
                : element.isF32()              ? DType::f32
                : element.isBF16()             ? DType::bf16
                : element.isF16()              ? DType::f16
                : element.isUnsignedInteger(8) ? DType::u8
                : element.isInteger(64)        ? DType::i64
                : element.isInteger(32)        ? DType::i32
                : element.isInteger(16)        ? DType::i16
                : element.isInteger(8)         ? DType::i8
                                               : DType::i1;
  return {dtype, Shape(ranked.getShape().begin(), ranked.getShape().end())};
}

Trace::Trace(OpBuilder builder, ModuleOp module)
    : builder(builder), module(module), outer(activeTrace), id(traceCounter++) {
  open.push_back(this->builder.getInsertionBlock()->getParent());
  activeTrace = this;
}
Trace::~Trace() { activeTrace = outer; }
Trace *Trace::active() { return activeTrace; }

Trace &Trace::current(Loc loc) {
  if (!activeTrace)
    throw Error("no-trace", "a tensor operation outside of a program", loc, {},
                "tensors exist while a function, layer or loss is traced; pass a lambda to "
                "function() or training()");
  return *activeTrace;
}

bool Trace::isLive(uint64_t id) {
  for (Trace *trace = activeTrace; trace; trace = trace->outer)
    if (trace->id == id)
      return true;
  return false;
}

Value Trace::value(Tensor tensor, Loc loc) {
  if (!tensor.value)
    throw Error("empty-tensor", "a tensor that was never given a value", loc, {},
                "assign the result of an operation to it first");
  if (tensor.trace != id)
    throw Error(
        "escaped-tensor", "a tensor of another program", loc, {},
        "return tensors from the traced function in place of keeping them in outer variables");
  Value value = Value::getFromOpaquePointer(tensor.value);
  if (!llvm::is_contained(open, value.getParentRegion()))
    throw Error("escaped-tensor", "a tensor of a function whose transformation is already traced",
                loc, {},
                "return it from that function in place of keeping it in an outer variable");
  return value;
}

Location Trace::location(Loc loc) {
  last = loc;
  return FileLineColLoc::get(builder.getContext(), loc.file_name(), loc.line(), loc.column());
}

Operation *Trace::verified(Operation *op, Loc loc) {
  std::string complaint;
  ScopedDiagnosticHandler handler(builder.getContext(), [&](Diagnostic &diagnostic) {
    complaint = diagnostic.str();
    return success();
  });
  if (succeeded(verify(op, /*verifyRecursively=*/false)))
    return op;
  std::string name = op->getName().getStringRef().str();
  SmallVector<Value> operands(op->getOperands());
  op->erase();
  refuse(name, complaint, operands, loc);
}

// MLIR's types in a message as the user writes them: tensor<2x3xf32> is f32[2, 3].
static std::string inUserWords(StringRef text) {
  std::string result;
  while (!text.empty()) {
    if (!text.consume_front("tensor<")) {
      result += text.front();
      text = text.drop_front();
      continue;
    }
    StringRef type = text.take_until([](char c) { return c == '>'; });
    text = text.drop_front(std::min(type.size() + 1, text.size()));
    std::string sizes;
    for (auto [size, rest] = type.split('x');
         !size.empty() && llvm::all_of(size, llvm::isDigit) && !rest.empty();
         std::tie(size, rest) = type.split('x')) {
      sizes += (sizes.empty() ? "" : ", ") + size.str();
      type = rest;
    }
    result += type == "ui8" ? "u8" : type.str();
    result += "[" + sizes + "]";
  }
  return result;
}

void Trace::refuse(StringRef op, const std::string &complaint, ValueRange operands, Loc loc) {
  op.consume_front("fluxion.");
  std::vector<std::string> notes;
  std::string types;
  for (Value operand : operands) {
    types += (types.empty() ? "" : ", ") + fromMlir(operand.getType()).str();
    notes.push_back("operand " + std::to_string(notes.size()) + " is " + describe(tensor(operand)));
  }
  StringRef text = complaint;
  if (text.contains("must be"))
    throw Error("dtype-mismatch", (op + " does not take " + types).str(), loc, notes,
                "convert the operands first: convert(x, f32)");
  text.consume_front("'fluxion." + op.str() + "' op ");
  if (text.contains(": "))
    text = text.split(": ").second; // the clause's label is for compiler developers
  if (text.contains("element type") && !llvm::all_equal(llvm::map_range(operands, [](Value value) {
        return getElementTypeOrSelf(value.getType());
      })))
    throw Error("dtype-mismatch", (op + " of " + types).str(), loc, notes,
                "convert one side: convert(x, f32)");
  throw Error("shape-mismatch", (op + " of " + types + ": ").str() + inUserWords(text), loc, notes,
              "check the operands' shapes above");
}

int64_t axisOf(int64_t axis, int64_t rank, const char *op, Loc loc) {
  int64_t positive = axis < 0 ? axis + rank : axis;
  if (positive < 0 || positive >= rank)
    throw Error("axis-out-of-range",
                std::string(op) + ": axis " + std::to_string(axis) +
                    " is out of range for a tensor of rank " + std::to_string(rank),
                loc, {},
                "use an axis from " + std::to_string(-rank) + " to " + std::to_string(rank - 1));
  return positive;
}

Shape axesOf(Shape axes, int64_t rank, const char *op, Loc loc) {
  if (axes.empty())
    for (int64_t d = 0; d < rank; ++d)
      axes.push_back(d);
  for (int64_t &axis : axes)
    axis = axisOf(axis, rank, op, loc);
  llvm::sort(axes);
  if (std::adjacent_find(axes.begin(), axes.end()) != axes.end())
    throw Error("axis-repeated", std::string(op) + ": an axis is named twice", loc, {},
                "name each axis once");
  return axes;
}

std::string describe(Tensor tensor) {
  Value value = Value::getFromOpaquePointer(tensor.value);
  std::string text = fromMlir(value.getType()).str();
  auto inputName = [](Value value) -> std::string {
    auto argument = dyn_cast<BlockArgument>(value);
    auto function = argument ? dyn_cast_or_null<func::FuncOp>(argument.getOwner()->getParentOp())
                             : func::FuncOp();
    StringAttr name =
        function ? function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), ir::nameAttrName)
                 : StringAttr();
    if (name)
      return "input \"" + name.str() + "\"";
    if (Trace *trace = Trace::active())
      for (auto [param, known] : trace->params)
        if (known == value)
          return "parameter " + param->name;
    return argument ? "an input" : "";
  };
  if (Operation *op = value.getDefiningOp()) {
    if (auto read = dyn_cast<ir::ReadOp>(op))
      return text + ", parameter " + read.getState().str();
    text += ", made by " + op->getName().stripDialect().str();
    if (op->getNumOperands() == 1) {
      text += " from " + fromMlir(op->getOperand(0).getType()).str();
      if (std::string name = inputName(op->getOperand(0)); !name.empty())
        text += " (" + name + ")";
    }
    if (auto at = dyn_cast<FileLineColLoc>(op->getLoc()))
      text += " at " + at.getFilename().str() + ":" + std::to_string(at.getLine());
  } else {
    text += ", " + inputName(value);
  }
  return text;
}

std::string nearest(const std::string &name, const std::vector<std::string> &candidates) {
  std::string best;
  unsigned least = std::max<unsigned>(3, name.size() / 2);
  for (const std::string &candidate : candidates)
    if (unsigned distance = StringRef(name).edit_distance(candidate); distance < least) {
      least = distance;
      best = candidate;
    }
  return best;
}

std::string unknownName(const std::string &kind, const std::string &name,
                        const std::vector<std::string> &candidates) {
  std::string close = nearest(name, candidates);
  return "unknown " + kind + " \"" + name + "\"; " +
         (close.empty() ? "it is one of " + llvm::join(candidates, ", ")
                        : "did you mean " + close + "?");
}

} // namespace fluxion::dsl
