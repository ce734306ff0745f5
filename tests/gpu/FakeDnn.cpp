// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A cuDNN on the tests' own device: refuses what the real one would, and convolves in double when
// the stream comes to it.
#include "tests/gpu/FakeLibrary.h"

#include <algorithm>
#include <array>

using namespace fluxion::fake;

namespace {

enum Status { BadParam = 2000, NotSupported = 3000 }; // cudnnStatus_t
enum MathType { TensorOp = 1, Fma = 3 };              // cudnnMathType_t
enum DataType { Float = 0, Half = 2, Bfloat16 = 9 };  // cudnnDataType_t

struct Handle : Object {
  CUstream stream = nullptr;
};
// Positions of (batch, feature, space...), of a filter of (feature out, in, space...).
struct Array : Object {
  int type = -1, rank = 0;
  bool channelsLast = false, channelsFirst = false;
  std::array<int, 5> dims{}, strides{};
  int64_t at(int first, int second, const std::array<int, 3> &space) const {
    int64_t offset = int64_t(first) * strides[0] + int64_t(second) * strides[1];
    for (int d = 2; d < rank; ++d)
      offset += int64_t(space[d - 2]) * strides[d];
    return offset;
  }
  int64_t count() const {
    int64_t product = 1;
    for (int d = 0; d < rank; ++d)
      product *= dims[d];
    return product;
  }
  Element element() const {
    return type == Float ? Element::f32 : type == Half ? Element::f16 : Element::bf16;
  }
};
struct Tensor : Array {};
struct Filter : Array {};
struct Convolution : Object {
  int spatial = 0, mode = -1, groups = 1, math = 0;
  std::array<int, 3> padding{}, strides{}, dilations{};
};

std::array<int, 5> packed(const Array &array, bool channelsLast) {
  std::array<int, 5> strides{};
  int stride = 1;
  auto take = [&](int d) { strides[d] = stride, stride *= array.dims[d]; };
  if (channelsLast)
    take(1);
  for (int d = array.rank - 1; d > 1; --d)
    take(d);
  if (!channelsLast)
    take(1);
  take(0);
  return strides;
}

bool describe(Array &array, int type, int rank, const int *dims) {
  array.type = type, array.rank = rank;
  if ((type != Float && type != Half && type != Bfloat16) || rank < 4 || rank > 5)
    return false;
  std::copy_n(dims, rank, array.dims.begin());
  return std::all_of(dims, dims + rank, [](int size) { return size > 0; });
}

CUresult setTensor(void *object, int type, int rank, const int *dims, const int *strides) {
  Tensor *tensor = get<Tensor>(object);
  if (!tensor || !describe(*tensor, type, rank, dims))
    return refuse(BadParam);
  std::copy_n(strides, rank, tensor->strides.begin());
  tensor->channelsLast = tensor->strides == packed(*tensor, true);
  tensor->channelsFirst = tensor->strides == packed(*tensor, false);
  return tensor->channelsLast || tensor->channelsFirst ? CUDA_SUCCESS : refuse(NotSupported);
}
CUresult setFilter(void *object, int type, int format, int rank, const int *dims) {
  Filter *filter = get<Filter>(object);
  if (!filter || !describe(*filter, type, rank, dims) || (format != 0 && format != 1))
    return refuse(BadParam);
  filter->channelsLast = format == 1, filter->channelsFirst = format == 0;
  filter->strides = packed(*filter, filter->channelsLast);
  return CUDA_SUCCESS;
}
CUresult setConvolution(void *object, int spatial, const int *padding, const int *strides,
                        const int *dilations, int mode, int computeType) {
  Convolution *conv = get<Convolution>(object);
  if (!conv || spatial < 2 || spatial > 3 || (mode != 0 && mode != 1) || computeType != Float)
    return refuse(BadParam);
  conv->spatial = spatial, conv->mode = mode;
  std::copy_n(padding, spatial, conv->padding.begin());
  std::copy_n(strides, spatial, conv->strides.begin());
  std::copy_n(dilations, spatial, conv->dilations.begin());
  for (int d = 0; d < spatial; ++d)
    if (padding[d] < 0 || strides[d] < 1 || dilations[d] < 1)
      return refuse(BadParam);
  return CUDA_SUCCESS;
}
CUresult setGroups(void *object, int groups) {
  Convolution *conv = get<Convolution>(object);
  if (!conv || groups < 1)
    return refuse(BadParam);
  conv->groups = groups;
  return CUDA_SUCCESS;
}
CUresult setMath(void *object, int math) {
  Convolution *conv = get<Convolution>(object);
  if (!conv || math < 0 || math > 3)
    return refuse(BadParam);
  conv->math = math;
  return CUDA_SUCCESS;
}
CUresult setStream(void *object, CUstream stream) {
  Handle *handle = get<Handle>(object);
  if (!handle)
    return refuse(BadParam);
  handle->stream = stream;
  return CUDA_SUCCESS;
}

// The output y of x with w, whichever of them is computed.
bool fits(const Array *x, const Array *w, const Array *y, const Convolution *conv) {
  if (!x || !w || !y || !conv || x->type != w->type || x->type != y->type || x->rank != w->rank ||
      x->rank != y->rank || conv->spatial != x->rank - 2)
    return false;
  bool last = w->channelsLast;
  for (const Array *image : {x, y})
    if (last ? !image->channelsLast : !image->channelsFirst)
      return false;
  for (int d = 0; d < conv->spatial; ++d) {
    int room =
        x->dims[d + 2] + 2 * conv->padding[d] - (w->dims[d + 2] - 1) * conv->dilations[d] - 1;
    if (room < 0 || y->dims[d + 2] != room / conv->strides[d] + 1)
      return false;
  }
  return x->dims[0] == y->dims[0] && x->dims[1] == w->dims[1] * conv->groups &&
         y->dims[1] == w->dims[0] && w->dims[0] % conv->groups == 0;
}

enum Direction { Forward = 40, BackwardData = 50, BackwardFilter = 60 };

// The three arrays as a direction's functions list them, sorted as (x, w, y).
struct Sorted {
  const Array *x, *w, *y;
};
Sorted sorted(Direction direction, void *first, void *second, void *third) {
  if (direction == Forward)
    return {get<Tensor>(first), get<Filter>(second), get<Tensor>(third)};
  if (direction == BackwardData)
    return {get<Tensor>(third), get<Filter>(first), get<Tensor>(second)};
  return {get<Tensor>(first), get<Filter>(third), get<Tensor>(second)};
}

struct Perf { // cudnnConvolutionFwdAlgoPerf_t and its like
  int algo, status;
  float time;
  size_t memory;
  int determinism, mathType;
  int reserved[3];
};
constexpr size_t scratch = 640; // of the algorithm that is right

// Fast ones first, each with a fault, then one that is right.
template <Direction direction>
CUresult choose(void *handle, void *first, void *second, void *conv, void *third, int wanted,
                int *found, void *results) {
  Sorted arrays = sorted(direction, first, second, third);
  const Convolution *known = get<Convolution>(conv);
  if (!get<Handle>(handle) || !fits(arrays.x, arrays.w, arrays.y, known) || wanted < 5)
    return refuse(BadParam);
  bool isFma = known->math == Fma;
  Perf list[] = {{direction, NotSupported, -1, 0, 1, known->math, {}},
                 {direction + 1, 0, 1, 0, 0, known->math, {}},
                 {direction + 2, 0, 2, size_t(1) << 60, 1, known->math, {}},
                 {direction + 3, 0, 3, 0, isFma, isFma ? TensorOp : Fma, {}},
                 {direction + 4, 0, 4, scratch, 1, known->math, {}}};
  *found = 5;
  std::memcpy(results, list, sizeof list);
  return CUDA_SUCCESS;
}

void convolve(Direction direction, const Sorted &arrays, const Convolution &conv, uint64_t x,
              uint64_t w, uint64_t y) {
  const Array &in = *arrays.x, &kernel = *arrays.w, &out = *arrays.y;
  const Array &result = direction == Forward ? out : direction == BackwardData ? in : kernel;
  std::vector<double> sums(size_t(result.count()));
  auto spaceOf = [&](const Array &array, int64_t i) {
    std::array<int, 3> space{};
    for (int d = conv.spatial - 1; d >= 0; i /= array.dims[d-- + 2])
      space[d] = int(i % array.dims[d + 2]);
    return space;
  };
  int64_t positions = out.count() / out.dims[0] / out.dims[1],
          taps = kernel.count() / kernel.dims[0] / kernel.dims[1];
  for (int64_t i = 0; i < out.count() * kernel.dims[1] * taps; ++i) {
    int64_t rest = i / taps;
    std::array<int, 3> tap = spaceOf(kernel, i % taps), at{};
    int c = int(rest % kernel.dims[1]);
    rest /= kernel.dims[1];
    std::array<int, 3> position = spaceOf(out, rest % positions);
    rest /= positions;
    int k = int(rest % out.dims[1]), n = int(rest / out.dims[1]);
    bool isInside = true;
    for (int d = 0; d < conv.spatial; ++d) {
      at[d] = position[d] * conv.strides[d] + tap[d] * conv.dilations[d] - conv.padding[d];
      isInside &= at[d] >= 0 && at[d] < in.dims[d + 2];
      if (conv.mode == 0) // a convolution, not a cross-correlation
        tap[d] = kernel.dims[d + 2] - 1 - tap[d];
    }
    if (!isInside)
      continue;
    int group = k / (kernel.dims[0] / conv.groups);
    int64_t inAt = in.at(n, group * kernel.dims[1] + c, at), kernelAt = kernel.at(k, c, tap),
            outAt = out.at(n, k, position);
    if (direction == Forward)
      sums[outAt] += number(in.element(), x, inAt) * number(in.element(), w, kernelAt);
    else if (direction == BackwardData)
      sums[inAt] += number(in.element(), y, outAt) * number(in.element(), w, kernelAt);
    else
      sums[kernelAt] += number(in.element(), x, inAt) * number(in.element(), y, outAt);
  }
  uint64_t to = direction == Forward ? y : direction == BackwardData ? x : w;
  for (int64_t i = 0; i < result.count(); ++i)
    store(result.element(), to, i, sums[i]);
}

template <Direction direction>
CUresult run(void *handle, const void *alpha, void *first, const void *firstData, void *second,
             const void *secondData, void *conv, int algorithm, void *workspace, size_t bytes,
             const void *beta, void *third, void *thirdData) {
  Sorted arrays = sorted(direction, first, second, third);
  Handle *known = get<Handle>(handle);
  Convolution *convolution = get<Convolution>(conv);
  if (!known || !known->stream || !fits(arrays.x, arrays.w, arrays.y, convolution) ||
      algorithm != direction + 4 || *static_cast<const float *>(alpha) != 1 ||
      *static_cast<const float *>(beta) != 0 || bytes < scratch ||
      !inside(state.allocations, reinterpret_cast<uint64_t>(workspace), bytes))
    return refuse(BadParam);
  ++state.counts.libraryCalls;
  state.counts.mathType = convolution->math;
  uint64_t data[] = {reinterpret_cast<uint64_t>(firstData), reinterpret_cast<uint64_t>(secondData),
                     reinterpret_cast<uint64_t>(thirdData)};
  enqueue(known->stream, [=, x = *arrays.x, w = *arrays.w, y = *arrays.y, conv = *convolution] {
    if (direction == Forward)
      convolve(direction, {&x, &w, &y}, conv, data[0], data[1], data[2]);
    else if (direction == BackwardData)
      convolve(direction, {&x, &w, &y}, conv, data[2], data[0], data[1]);
    else
      convolve(direction, {&x, &w, &y}, conv, data[0], data[2], data[1]);
  });
  return CUDA_SUCCESS;
}

} // namespace

#define EXPORT extern "C" __attribute__((visibility("default"))) CUresult

extern "C" __attribute__((visibility("default"))) const char *cudnnGetErrorString(int status) {
  return status == BadParam ? "CUDNN_STATUS_BAD_PARAM" : "CUDNN_STATUS_OF_THE_TEST";
}
EXPORT cudnnCreate(void **out) { return Entry<"cudnnCreate", create<Handle>>::call(out); }
EXPORT cudnnDestroy(void *handle) { return Return<destroy<Handle, BadParam>>::call(handle); }
EXPORT cudnnSetStream(void *handle, CUstream stream) {
  return Entry<"cudnnSetStream", setStream>::call(handle, stream);
}
EXPORT cudnnCreateTensorDescriptor(void **out) {
  return Entry<"cudnnCreateTensorDescriptor", create<Tensor>>::call(out);
}
EXPORT cudnnSetTensorNdDescriptor(void *tensor, int type, int rank, const int *dims,
                                  const int *strides) {
  return Entry<"cudnnSetTensorNdDescriptor", setTensor>::call(tensor, type, rank, dims, strides);
}
EXPORT cudnnDestroyTensorDescriptor(void *tensor) {
  return Return<destroy<Tensor, BadParam>>::call(tensor);
}
EXPORT cudnnCreateFilterDescriptor(void **out) {
  return Entry<"cudnnCreateFilterDescriptor", create<Filter>>::call(out);
}
EXPORT cudnnSetFilterNdDescriptor(void *filter, int type, int format, int rank, const int *dims) {
  return Entry<"cudnnSetFilterNdDescriptor", setFilter>::call(filter, type, format, rank, dims);
}
EXPORT cudnnDestroyFilterDescriptor(void *filter) {
  return Return<destroy<Filter, BadParam>>::call(filter);
}
EXPORT cudnnCreateConvolutionDescriptor(void **out) {
  return Entry<"cudnnCreateConvolutionDescriptor", create<Convolution>>::call(out);
}
EXPORT cudnnSetConvolutionNdDescriptor(void *conv, int spatial, const int *padding,
                                       const int *strides, const int *dilations, int mode,
                                       int computeType) {
  return Entry<"cudnnSetConvolutionNdDescriptor", setConvolution>::call(
      conv, spatial, padding, strides, dilations, mode, computeType);
}
EXPORT cudnnSetConvolutionGroupCount(void *conv, int groups) {
  return Entry<"cudnnSetConvolutionGroupCount", setGroups>::call(conv, groups);
}
EXPORT cudnnSetConvolutionMathType(void *conv, int math) {
  return Entry<"cudnnSetConvolutionMathType", setMath>::call(conv, math);
}
EXPORT cudnnDestroyConvolutionDescriptor(void *conv) {
  return Return<destroy<Convolution, BadParam>>::call(conv);
}

#define DIRECTION(direction, chooseName, runName)                                                  \
  EXPORT chooseName(void *handle, void *first, void *second, void *conv, void *third, int wanted,  \
                    int *found, void *results) {                                                   \
    return Entry<#chooseName, choose<direction>>::call(handle, first, second, conv, third, wanted, \
                                                       found, results);                            \
  }                                                                                                \
  EXPORT runName(void *handle, const void *alpha, void *first, const void *firstData,              \
                 void *second, const void *secondData, void *conv, int algorithm, void *workspace, \
                 size_t bytes, const void *beta, void *third, void *thirdData) {                   \
    return Entry<#runName, run<direction>>::call(handle, alpha, first, firstData, second,          \
                                                 secondData, conv, algorithm, workspace, bytes,    \
                                                 beta, third, thirdData);                          \
  }
DIRECTION(Forward, cudnnGetConvolutionForwardAlgorithm_v7, cudnnConvolutionForward)
DIRECTION(BackwardData, cudnnGetConvolutionBackwardDataAlgorithm_v7, cudnnConvolutionBackwardData)
DIRECTION(BackwardFilter, cudnnGetConvolutionBackwardFilterAlgorithm_v7,
          cudnnConvolutionBackwardFilter)
