// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The part of cuDNN that is used, declared here so that neither building nor running needs it.
// Names, values and layouts are those of cudnn_graph.h, cudnn_ops.h and cudnn_cnn.h at version 9,
// all of which libcudnn.so.9 exports.
#pragma once

#include "runtime/cuda/MiniCuda.h"

namespace fluxion::rt::cuda::cudnn {

using Handle = void *; // cudnnHandle_t and descriptors

inline constexpr int dataFloat = 0, dataHalf = 2, dataBfloat16 = 9; // cudnnDataType_t
inline constexpr int tensorNchw = 0, tensorNhwc = 1;                // cudnnTensorFormat_t
inline constexpr int convolution = 0, crossCorrelation = 1;         // cudnnConvolutionMode_t
inline constexpr int tensorOpMath = 1, tensorOpMathConversion = 2, fmaMath = 3; // cudnnMathType_t
inline constexpr int deterministic = 1; // cudnnDeterminism_t

// cudnnConvolutionFwdAlgoPerf_t, and those of both gradients.
struct AlgoPerf {
  int algo, status;
  float time;
  size_t memory;
  int determinism, mathType;
  int reserved[3];
};

// Of each direction, where (x, w, y) stand for what is read, read and written.
using GetAlgorithm = int(Handle, Handle x, Handle w, Handle conv, Handle y, int requested,
                         int *returned, AlgoPerf *);
using Convolve = int(Handle, const void *alpha, Handle xDesc, const void *x, Handle wDesc,
                     const void *w, Handle conv, int algo, void *workspace, size_t bytes,
                     const void *beta, Handle yDesc, void *y);

// X(name, type)
#define FLUXION_CUDNN_FUNCTIONS(X)                                                                 \
  X(cudnnGetErrorString, const char *(int))                                                        \
  X(cudnnCreate, int(Handle *))                                                                    \
  X(cudnnDestroy, int(Handle))                                                                     \
  X(cudnnSetStream, int(Handle, CUstream))                                                         \
  X(cudnnCreateTensorDescriptor, int(Handle *))                                                    \
  X(cudnnSetTensorNdDescriptor, int(Handle, int type, int dims, const int *, const int *strides))  \
  X(cudnnDestroyTensorDescriptor, int(Handle))                                                     \
  X(cudnnCreateFilterDescriptor, int(Handle *))                                                    \
  X(cudnnSetFilterNdDescriptor, int(Handle, int type, int format, int dims, const int *))          \
  X(cudnnDestroyFilterDescriptor, int(Handle))                                                     \
  X(cudnnCreateConvolutionDescriptor, int(Handle *))                                               \
  X(cudnnSetConvolutionNdDescriptor, int(Handle, int dims, const int *padding, const int *strides, \
                                         const int *dilations, int mode, int computeType))         \
  X(cudnnSetConvolutionGroupCount, int(Handle, int))                                               \
  X(cudnnSetConvolutionMathType, int(Handle, int))                                                 \
  X(cudnnDestroyConvolutionDescriptor, int(Handle))                                                \
  X(cudnnGetConvolutionForwardAlgorithm_v7, GetAlgorithm)                                          \
  X(cudnnGetConvolutionBackwardDataAlgorithm_v7, GetAlgorithm)                                     \
  X(cudnnGetConvolutionBackwardFilterAlgorithm_v7, GetAlgorithm)                                   \
  X(cudnnConvolutionForward, Convolve)                                                             \
  X(cudnnConvolutionBackwardData, Convolve)                                                        \
  X(cudnnConvolutionBackwardFilter, Convolve)

} // namespace fluxion::rt::cuda::cudnn
