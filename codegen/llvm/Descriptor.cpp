// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/llvm/Descriptor.h"

#include "fluxion/abi.h"
#include "ir/Work.h"
#include "ir/ops/Update.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/DerivedTypes.h"
#include "llvm/IR/GlobalVariable.h"

using namespace llvm;
using namespace fluxion;
using namespace fluxion::codegen;

namespace {

// Field order and types follow fluxion/abi.h; the sizes are checked there by the C compiler alone,
// so a change of the header is a change here.
class DescriptorEmitter {
public:
  explicit DescriptorEmitter(Module &module)
      : module(module), c(module.getContext()), pointer(PointerType::getUnqual(c)),
        i32(Type::getInt32Ty(c)), i64(Type::getInt64Ty(c)),
        tensorType(
            StructType::create({pointer, i32, i32, i32, pointer, i64, i64, pointer}, "fx_tensor")),
        placeType(StructType::create({i32, i32, i64}, "fx_place")),
        mapType(
            StructType::create({placeType, i32, i32, ArrayType::get(i64, 5), ArrayType::get(i64, 4),
                                ArrayType::get(i32, 5), ArrayType::get(i32, 5), i32},
                               "fx_tensor_map")),
        launchType(
            StructType::create({pointer, pointer, ArrayType::get(i32, 3), ArrayType::get(i32, 3),
                                i32, i32, i32, i32, i32, i32, pointer, pointer, pointer, pointer},
                               "fx_launch")),
        productType(StructType::create({i64, i64, i64, i64, i32, i32}, "fx_product")),
        convolutionType(StructType::create({ArrayType::get(i32, 8), ArrayType::get(i32, 3),
                                            ArrayType::get(i32, 3), ArrayType::get(i32, 3),
                                            ArrayType::get(i32, 3), ArrayType::get(i32, 3),
                                            ArrayType::get(i32, 3)},
                                           "fx_convolution")),
        callType(StructType::create({i32, i32, i32, i32, placeType, placeType, placeType, placeType,
                                     i64, pointer, pointer, pointer, pointer},
                                    "fx_library_call")),
        copyType(StructType::create({placeType, placeType, i64}, "fx_copy")),
        probeType(StructType::create({pointer, i32, i32, placeType, i64}, "fx_probe")),
        imageType(StructType::create({pointer, i32, i32, i64, pointer}, "fx_image")),
        entryType(StructType::create({pointer, pointer, i32, i32, i32, i32, pointer, pointer,
                                      pointer, i64, i32, i32, pointer, pointer, pointer, pointer,
                                      i32, i32, pointer},
                                     "fx_entry")),
        programType(StructType::create({i32, i32, i32, i32, pointer, pointer, pointer, i64, i64,
                                        pointer, pointer, pointer, pointer, i64, pointer, pointer},
                                       "fx_program")) {}

  Constant *text(StringRef value) {
    return global(ConstantDataArray::getString(c, value, /*AddNull=*/true), 1);
  }
  Constant *number32(int64_t value) { return ConstantInt::getSigned(i32, value); }
  Constant *number64(int64_t value) { return ConstantInt::getSigned(i64, value); }
  Constant *global(Constant *value, int align = 8) {
    auto *variable = new GlobalVariable(module, value->getType(), /*isConstant=*/true,
                                        GlobalValue::PrivateLinkage, value, "fx_data");
    variable->setAlignment(Align(align));
    return variable;
  }
  Constant *array(Type *type, ArrayRef<Constant *> values) {
    return values.empty() ? (Constant *)ConstantPointerNull::get(pointer)
                          : global(ConstantArray::get(ArrayType::get(type, values.size()), values));
  }
  // With a layout, dimension i of the type is dimension layout[i] of the tensor described.
  Constant *tensor(StringRef name, mlir::Type type, int32_t role, int64_t offset,
                   ArrayRef<int64_t> layout = {}) {
    auto ranked = cast<mlir::RankedTensorType>(type);
    SmallVector<Constant *> dims(ranked.getRank()), order;
    for (auto [i, size] : llvm::enumerate(ranked.getShape()))
      dims[layout.empty() ? i : layout[i]] = number64(size);
    for (int64_t dim : layout)
      order.push_back(number64(dim));
    return ConstantStruct::get(tensorType,
                               {text(name), number32(dtypeOf(ranked.getElementType())),
                                number32(role), number32(ranked.getRank()), array(i64, dims),
                                number64(offset), number64(ir::byteSize(type)), array(i64, order)});
  }
  Constant *null() { return ConstantPointerNull::get(pointer); }
  Constant *bytes(StringRef value) {
    return value.empty()
               ? null()
               : global(ConstantDataArray::getRaw(value, value.size(), Type::getInt8Ty(c)), 64);
  }
  template <typename List> Constant *numbers(Type *type, const List &values) {
    SmallVector<Constant *> elements;
    for (auto value : values)
      elements.push_back(ConstantInt::get(type, (uint64_t)value));
    return ConstantArray::get(ArrayType::get(type, elements.size()), elements);
  }
  template <typename List> Constant *list32(const List &values) {
    SmallVector<Constant *> elements;
    for (auto value : values)
      elements.push_back(number32((int32_t)value));
    return array(i32, elements);
  }
  Constant *place(const fx_place &at) {
    return ConstantStruct::get(
        placeType, {number32(at.space), number32(at.slot), number64((int64_t)at.offset)});
  }
  Constant *places(ArrayRef<fx_place> list) {
    SmallVector<Constant *> elements;
    for (const fx_place &at : list)
      elements.push_back(place(at));
    return array(placeType, elements);
  }
  Constant *probe(const ProbedValue &value, const fx_place &at, int64_t launch) {
    return ConstantStruct::get(probeType, {text(value.name), number32(value.dtype),
                                           number32(launch), place(at), number64(value.count)});
  }
  Constant *launch(const TableLaunch &launch);
  Constant *call(const TableLaunch &launch);
  Constant *turn(const TableLaunch &launch, const std::optional<LibraryCall::Turn> &turn);
  Constant *product(const fx_product &product);
  Constant *convolution(const fx_convolution &conv);
  Constant *images(ArrayRef<Image> list, int64_t &count);
  Constant *entry(mlir::func::FuncOp function, const EntryPoint &point);

  Module &module;
  LLVMContext &c;
  PointerType *pointer;
  Type *i32, *i64;
  StructType *tensorType, *placeType, *mapType, *launchType, *productType, *convolutionType,
      *callType, *copyType, *probeType, *imageType, *entryType, *programType;
};

Constant *DescriptorEmitter::launch(const TableLaunch &launch) {
  const KernelLaunch &shape = launch.shape;
  SmallVector<Constant *> maps;
  for (const TensorMap &map : shape.maps)
    maps.push_back(ConstantStruct::get(
        mapType, {place(launch.args[map.buffer]), number32(map.dataType), number32(map.rank),
                  numbers(i64, map.dims), numbers(i64, map.strides), numbers(i32, map.box),
                  numbers(i32, map.steps), number32(map.swizzle)}));
  return ConstantStruct::get(
      launchType,
      {text(shape.symbol), text(launch.where), numbers(i32, shape.grid), numbers(i32, shape.block),
       number32(shape.sharedBytes), number32((int64_t)launch.args.size()),
       number32((int64_t)maps.size()), number32((int64_t)launch.after.size()),
       number32(shape.dependent ? FX_LAUNCH_DEPENDENT : 0), number32(launch.guard),
       places(launch.args), array(mapType, maps), list32(launch.after), call(launch)});
}

static fx_place placeOf(const TableLaunch &launch, LaunchPlace at) {
  fx_place place = launch.args[at.position];
  place.offset += (uint64_t)at.offset;
  return place;
}

Constant *DescriptorEmitter::turn(const TableLaunch &launch,
                                  const std::optional<LibraryCall::Turn> &turn) {
  if (!turn)
    return null();
  constexpr fx_place nowhere{FX_SPACE_NONE, 0, 0};
  TableLaunch made;
  made.shape = turn->launch;
  made.where = launch.where;
  made.args = {placeOf(launch, turn->from), placeOf(launch, turn->to), nowhere, nowhere};
  return global(this->launch(made));
}

Constant *DescriptorEmitter::product(const fx_product &product) {
  return global(ConstantStruct::get(productType, {number64(product.batches), number64(product.m),
                                                  number64(product.n), number64(product.k),
                                                  number32(product.left_transposed),
                                                  number32(product.right_transposed)}));
}

Constant *DescriptorEmitter::convolution(const fx_convolution &conv) {
  std::array<int64_t, 8> first{conv.computes, conv.channels_last, conv.flipped,      conv.spatial,
                               conv.batch,    conv.in_features,   conv.out_features, conv.groups};
  SmallVector<Constant *> fields{numbers(i32, first)};
  for (const int32_t *list :
       {conv.input, conv.kernel, conv.output, conv.padding, conv.stride, conv.dilation})
    fields.push_back(numbers(i32, ArrayRef<int32_t>(list, 3)));
  return global(ConstantStruct::get(convolutionType, fields));
}

Constant *DescriptorEmitter::call(const TableLaunch &launch) {
  if (!launch.shape.call)
    return null();
  const LibraryCall &call = *launch.shape.call;
  auto *asProduct = std::get_if<fx_product>(&call.what);
  auto *asConvolution = std::get_if<fx_convolution>(&call.what);
  SmallVector<Constant *> fields{number32(dtypeOf(call.factors)), number32(dtypeOf(call.sums)),
                                 number32(call.tf32), number32((int64_t)call.launches)};
  for (LaunchPlace at : {call.left, call.right, call.result, call.workspace})
    fields.push_back(place(placeOf(launch, at)));
  fields.append({number64(call.workspaceBytes), asProduct ? product(*asProduct) : null(),
                 asConvolution ? convolution(*asConvolution) : null(), turn(launch, call.before),
                 turn(launch, call.behind)});
  return global(ConstantStruct::get(callType, fields));
}

// PTX of an architecture that nothing newer runs is of no use beside its machine code.
Constant *DescriptorEmitter::images(ArrayRef<Image> list, int64_t &count) {
  SmallVector<Constant *> elements;
  for (const Image &image : list) {
    bool spare = image.kind == FX_IMAGE_PTX && StringRef(image.arch).ends_with("a") &&
                 llvm::any_of(list, [&](const Image &other) {
                   return other.kind == FX_IMAGE_CUBIN && other.arch == image.arch;
                 });
    if (spare)
      continue;
    std::string data = image.bytes;
    if (image.kind == FX_IMAGE_PTX && (data.empty() || data.back() != '\0'))
      data.push_back('\0');
    elements.push_back(
        ConstantStruct::get(imageType, {text(image.arch), number32(image.kind), number32(0),
                                        number64((int64_t)data.size()), bytes(data)}));
  }
  count = (int64_t)elements.size();
  return array(imageType, elements);
}

Constant *DescriptorEmitter::entry(mlir::func::FuncOp function, const EntryPoint &point) {
  SmallVector<Constant *> inputs, outputs, checks;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    auto name = function.getArgAttrOfType<mlir::StringAttr>(i, ir::nameAttrName);
    inputs.push_back(tensor(name ? name.getValue() : "input" + std::to_string(i),
                            function.getArgument(i).getType(), FX_VALUE, 0));
  }
  for (unsigned i = 0; i < function.getNumResults(); ++i) {
    auto name = function.getResultAttrOfType<mlir::StringAttr>(i, ir::nameAttrName);
    outputs.push_back(tensor(name ? name.getValue() : "output" + std::to_string(i),
                             function.getResultTypes()[i], FX_VALUE, 0));
  }
  for (const std::string &message : point.checks)
    checks.push_back(text(message));
  auto arena = function->getAttrOfType<mlir::IntegerAttr>("fluxion.arena_bytes");
  // Where there is a function, it does what the table says.
  Constant *run = module.getFunction(point.symbol);
  SmallVector<Constant *> launches, copies, probes;
  if (!run) {
    for (auto [l, one] : llvm::enumerate(point.table->launches)) {
      launches.push_back(launch(one));
      for (auto [value, at] : llvm::zip_equal(one.probed, one.probedPlaces))
        probes.push_back(probe(value, at, (int64_t)l));
    }
    for (const fx_copy &copy : point.table->copies)
      copies.push_back(ConstantStruct::get(
          copyType, {place(copy.from), place(copy.to), number64((int64_t)copy.bytes)}));
  }
  return ConstantStruct::get(
      entryType, {text(function.getSymName()), run ? run : null(), number32(inputs.size()),
                  number32(outputs.size()), number32(checks.size()), number32(point.kernels),
                  array(tensorType, inputs), array(tensorType, outputs), array(pointer, checks),
                  number64(arena ? arena.getInt() : 0), number32((int64_t)launches.size()),
                  number32((int64_t)copies.size()), array(launchType, launches),
                  array(copyType, copies), run ? null() : places(point.table->checks),
                  run ? null() : list32(point.table->checkLaunches),
                  number32((int64_t)probes.size()), number32(0), array(probeType, probes)});
}

} // namespace

std::string
fluxion::codegen::emitDescriptor(Module &module, mlir::ModuleOp planned,
                                 ArrayRef<std::pair<mlir::func::FuncOp, EntryPoint>> entries,
                                 const DeviceParts &device, const LowerOptions &options) {
  DescriptorEmitter emit(module);
  SmallVector<Constant *> state, points;
  for (auto item : planned.getOps<ir::StateOp>()) {
    auto layout = item->getAttrOfType<mlir::DenseI64ArrayAttr>(ir::stateLayoutAttrName);
    state.push_back(emit.tensor(item.getSymName(), item.getType(), (int32_t)item.getRole(),
                                item.getOffset().value_or(0),
                                layout ? layout.asArrayRef() : ArrayRef<int64_t>()));
  }
  int64_t arena = 0;
  for (auto &[function, point] : entries) {
    points.push_back(emit.entry(function, point));
    if (auto bytes = function->getAttrOfType<mlir::IntegerAttr>("fluxion.arena_bytes"))
      arena = std::max(arena, bytes.getInt());
  }
  auto stateBytes = planned->getAttrOfType<mlir::IntegerAttr>("fluxion.state_bytes");
  ir::TargetInfo target = ir::TargetInfo::of(planned);
  int64_t imageCount = 0;
  Constant *images = emit.images(device.images, imageCount);
  Constant *constants = emit.bytes(target.kind == "cuda" ? device.constants : "");
  // Its type is the runtime's own affair; the address alone is needed.
  Constant *runtime = target.kind == "cuda"
                          ? module.getOrInsertGlobal("fx_cuda_runtime", emit.pointer)
                          : emit.null();
  Constant *next =
      options.next.empty() ? emit.null() : module.getOrInsertGlobal(options.next, emit.programType);
  Constant *program = ConstantStruct::get(
      emit.programType,
      {emit.number32(FX_ABI_VERSION), emit.number32(state.size()), emit.number32(points.size()),
       emit.number32(imageCount), emit.text(options.name),
       emit.text(target.kind + ":" + target.cpu), emit.text(options.hash),
       emit.number64(stateBytes ? stateBytes.getInt() : 0), emit.number64(arena),
       emit.array(emit.tensorType, state), emit.array(emit.entryType, points), images, constants,
       emit.number64(constants->isNullValue() ? 0 : (int64_t)device.constants.size()), runtime,
       next});
  std::string symbol =
      options.descriptor.empty() ? descriptorSymbol(options.name) : options.descriptor;
  new GlobalVariable(module, emit.programType, /*isConstant=*/true, GlobalValue::ExternalLinkage,
                     program, symbol);
  return symbol;
}

std::string fluxion::codegen::descriptorSymbol(StringRef name, size_t position) {
  std::string symbol = "fx_" + identifier(name) + "_program";
  return position == 0 ? symbol : symbol + "_" + std::to_string(position);
}
