// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/cuda/Library.h"
#include "runtime/cuda/MiniCudnn.h"

#include <algorithm>
#include <array>

namespace fluxion::rt::cuda {
namespace {

using namespace cudnn;

int typeOf(uint32_t dtype) {
  return dtype == FX_BF16 ? dataBfloat16 : dtype == FX_F16 ? dataHalf : dataFloat;
}

// f32 means f32.
bool isExact(const fx_library_call &call) { return call.factors == FX_F32 && !call.tf32; }

class Cudnn final : public Library {
public:
  ~Cudnn() override {
    if (handle)
      cudnnDestroy(handle);
  }
  Status open();
  Status enqueue(const fx_library_call &call, const CallPlaces &places, CUstream stream,
                 const std::string &what) const override;

private:
#define FLUXION_CUDNN_MEMBER(name, ...) std::add_pointer_t<__VA_ARGS__> name = nullptr;
  FLUXION_CUDNN_FUNCTIONS(FLUXION_CUDNN_MEMBER)
#undef FLUXION_CUDNN_MEMBER
  Handle handle = nullptr;

  // What is read, read and written.
  struct Tensors {
    Handle x, w, y;
  };
  void describeImage(Calls &calls, const fx_library_call &call, int features,
                     const int32_t (&sizes)[3], Descriptor &out) const;
  void describe(Calls &calls, const fx_library_call &call, Descriptor &input, Descriptor &kernel,
                Descriptor &output, Descriptor &conv) const;
  bool choose(Calls &calls, const fx_library_call &call, const Tensors &tensors, Handle conv,
              AlgoPerf &out) const;
  void convolve(Calls &calls, const fx_library_call &call, const CallPlaces &places,
                const Tensors &tensors, Handle conv, int algorithm) const;
};

Status Cudnn::open() {
  SharedObject library;
  if (Status status = library.open("FLUXION_CUDNN", {"libcudnn.so.9"}, "cuDNN 9"); !status)
    return status;
#define FLUXION_CUDNN_FIND(name, ...) library.find(#name, name);
  FLUXION_CUDNN_FUNCTIONS(FLUXION_CUDNN_FIND)
#undef FLUXION_CUDNN_FIND
  if (Status status = library.complete(); !status)
    return status;
  Calls calls;
  calls.run("cudnnCreate", cudnnCreate, &handle);
  return calls.status("", cudnnGetErrorString(calls.code));
}

#define FLUXION_CUDNN_RUN(name, ...) calls.run(#name, name, __VA_ARGS__)

// Dimensions are listed as batch, features, space; strides say how they lie.
void Cudnn::describeImage(Calls &calls, const fx_library_call &call, int features,
                          const int32_t (&sizes)[3], Descriptor &out) const {
  const fx_convolution &c = *call.convolution;
  std::array<int, 5> dims{c.batch, features}, strides{};
  std::copy_n(sizes, c.spatial, &dims[2]);
  int rank = 2 + int(c.spatial), stride = c.channels_last ? features : 1;
  for (int d = rank - 1; d > 1; stride *= dims[d--])
    strides[d] = stride;
  strides[1] = c.channels_last ? 1 : stride;
  strides[0] = c.channels_last ? stride : stride * features;
  FLUXION_CUDNN_RUN(cudnnCreateTensorDescriptor, &out.handle);
  FLUXION_CUDNN_RUN(cudnnSetTensorNdDescriptor, out.handle, typeOf(call.factors), rank, dims.data(),
                    strides.data());
}

void Cudnn::describe(Calls &calls, const fx_library_call &call, Descriptor &input,
                     Descriptor &kernel, Descriptor &output, Descriptor &conv) const {
  const fx_convolution &c = *call.convolution;
  describeImage(calls, call, c.in_features, c.input, input);
  describeImage(calls, call, c.out_features, c.output, output);
  std::array<int, 5> dims{c.out_features, c.in_features / c.groups};
  std::copy_n(c.kernel, c.spatial, &dims[2]);
  FLUXION_CUDNN_RUN(cudnnCreateFilterDescriptor, &kernel.handle);
  FLUXION_CUDNN_RUN(cudnnSetFilterNdDescriptor, kernel.handle, typeOf(call.factors),
                    c.channels_last ? tensorNhwc : tensorNchw, int(2 + c.spatial), dims.data());
  FLUXION_CUDNN_RUN(cudnnCreateConvolutionDescriptor, &conv.handle);
  FLUXION_CUDNN_RUN(cudnnSetConvolutionNdDescriptor, conv.handle, int(c.spatial), c.padding,
                    c.stride, c.dilation, c.flipped ? convolution : crossCorrelation, dataFloat);
  FLUXION_CUDNN_RUN(cudnnSetConvolutionGroupCount, conv.handle, c.groups);
  FLUXION_CUDNN_RUN(cudnnSetConvolutionMathType, conv.handle,
                    isExact(call) ? fmaMath : tensorOpMath);
}

// The library's own order of choice: the first that gives the same bits every time, fits the
// workspace and rounds no factor that it may not.
bool Cudnn::choose(Calls &calls, const fx_library_call &call, const Tensors &tensors, Handle conv,
                   AlgoPerf &out) const {
  constexpr int most = 16;
  AlgoPerf list[most] = {};
  int count = 0;
  auto ask = [&](const char *name, auto function) {
    calls.run(name, function, handle, tensors.x, tensors.w, conv, tensors.y, most, &count, list);
  };
  switch (call.convolution->computes) {
  case FX_CONVOLUTION_OUTPUT:
    ask("cudnnGetConvolutionForwardAlgorithm_v7", cudnnGetConvolutionForwardAlgorithm_v7);
    break;
  case FX_CONVOLUTION_INPUT:
    ask("cudnnGetConvolutionBackwardDataAlgorithm_v7", cudnnGetConvolutionBackwardDataAlgorithm_v7);
    break;
  default:
    ask("cudnnGetConvolutionBackwardFilterAlgorithm_v7",
        cudnnGetConvolutionBackwardFilterAlgorithm_v7);
  }
  auto *end = list + std::min(count, most), *found = std::find_if(list, end, [&](auto &choice) {
    bool rounds = choice.mathType == tensorOpMath || choice.mathType == tensorOpMathConversion;
    return choice.status == 0 && choice.determinism == deterministic &&
           choice.memory <= call.workspace_bytes && !(isExact(call) && rounds);
  });
  if (found == end)
    return false;
  out = *found;
  return true;
}

void Cudnn::convolve(Calls &calls, const fx_library_call &call, const CallPlaces &places,
                     const Tensors &tensors, Handle conv, int algorithm) const {
  const float one = 1, zero = 0;
  auto run = [&](const char *name, auto function, CUdeviceptr x, CUdeviceptr w) {
    calls.run(name, function, handle, &one, tensors.x, (const void *)x, tensors.w, (const void *)w,
              conv, algorithm, (void *)places.workspace, size_t(call.workspace_bytes), &zero,
              tensors.y, (void *)places.result);
  };
  switch (call.convolution->computes) {
  case FX_CONVOLUTION_OUTPUT:
    return run("cudnnConvolutionForward", cudnnConvolutionForward, places.left, places.right);
  case FX_CONVOLUTION_INPUT: // of the kernel, then the gradient of the output
    return run("cudnnConvolutionBackwardData", cudnnConvolutionBackwardData, places.right,
               places.left);
  default:
    run("cudnnConvolutionBackwardFilter", cudnnConvolutionBackwardFilter, places.left,
        places.right);
  }
}

Status Cudnn::enqueue(const fx_library_call &call, const CallPlaces &places, CUstream stream,
                      const std::string &what) const {
  Calls calls;
  Descriptor input{nullptr, cudnnDestroyTensorDescriptor},
      kernel{nullptr, cudnnDestroyFilterDescriptor}, output{nullptr, cudnnDestroyTensorDescriptor},
      conv{nullptr, cudnnDestroyConvolutionDescriptor};
  FLUXION_CUDNN_RUN(cudnnSetStream, handle, stream);
  describe(calls, call, input, kernel, output, conv);
  uint32_t computes = call.convolution->computes;
  Tensors tensors =
      computes == FX_CONVOLUTION_OUTPUT  ? Tensors{input.handle, kernel.handle, output.handle}
      : computes == FX_CONVOLUTION_INPUT ? Tensors{kernel.handle, output.handle, input.handle}
                                         : Tensors{input.handle, output.handle, kernel.handle};
  AlgoPerf choice{};
  bool found = choose(calls, call, tensors, conv.handle, choice);
  if (calls.code == 0 && !found)
    return {Status::Kind::DeviceFailed, what + ": cuDNN has no deterministic algorithm for it in " +
                                            std::to_string(call.workspace_bytes) +
                                            " bytes; give it another backend than library"};
  if (!isExact(call))
    FLUXION_CUDNN_RUN(cudnnSetConvolutionMathType, conv.handle, choice.mathType);
  convolve(calls, call, places, tensors, conv.handle, choice.algo);
  return calls.status(what, cudnnGetErrorString(calls.code));
}
#undef FLUXION_CUDNN_RUN

} // namespace

Status openCudnn(std::unique_ptr<const Library> &out) { return openAs<Cudnn>(out); }

} // namespace fluxion::rt::cuda
