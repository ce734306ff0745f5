// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tensors of a program being traced: handles without data, with shape and element type.
//
// Every function here adds ops to the program being traced and returns at once. It throws an Error
// at the caller's place where shapes, element types or axes do not fit; nothing is converted
// silently. `T[...]` below is any element type, `f[...]` a float one.
#pragma once

#include <concepts>
#include <cstdint>
#include <exception>
#include <initializer_list>
#include <source_location>
#include <string>
#include <type_traits>
#include <vector>

namespace fluxion {

using Loc = std::source_location;
using Shape = std::vector<int64_t>;

// A mistake in the caller's program: where, what was expected and found, and one likely fix.
// `what()` is the whole text with the source line; `code()` is what `fluxion explain` expands.
class Error : public std::exception {
public:
  Error(std::string code, std::string message, Loc where, std::vector<std::string> notes = {},
        std::string help = {});
  const char *what() const noexcept override { return text.c_str(); }
  const std::string &code() const { return name; }
  const std::string &message() const { return brief; }
  Loc where() const { return place; }

private:
  std::string name, brief, text;
  Loc place;
};

// Element types; i1 is a truth value. bytesOf(i1) is 1.
enum class DType : uint8_t { f64, f32, bf16, f16, i64, i32, i16, i8, u8, i1 };
const char *name(DType type);
int64_t bytesOf(DType type);
bool isFloat(DType type);

// Element type and shape: f32[64, 784].
struct Type {
  DType dtype = DType::f32;
  Shape shape;
  int64_t elements() const;
  std::string str() const;
  bool operator==(const Type &) const = default;
};

// f32(64, 784) is a Type.
struct DTypeTag {
  DType dtype;
  template <std::convertible_to<int64_t>... D> Type operator()(D... sizes) const {
    return {dtype, {int64_t(sizes)...}};
  }
  constexpr operator DType() const { return dtype; }
};
inline constexpr DTypeTag f64{DType::f64}, f32{DType::f32}, bf16{DType::bf16}, f16{DType::f16},
    i64{DType::i64}, i32{DType::i32}, i16{DType::i16}, i8{DType::i8}, u8{DType::u8}, i1{DType::i1};

// A value of the program being traced. Meaningful only while its trace is; using it elsewhere is an
// Error.
class Tensor {
public:
  Tensor() = default;
  Type type(Loc loc = Loc::current()) const;
  DType dtype(Loc loc = Loc::current()) const { return type(loc).dtype; }
  Shape shape(Loc loc = Loc::current()) const { return type(loc).shape; }
  int64_t rank(Loc loc = Loc::current()) const { return (int64_t)shape(loc).size(); }
  int64_t dim(int64_t axis, Loc loc = Loc::current()) const; // negative axes count from the end

  // For the implementation: the SSA value and the trace it belongs to.
  Tensor(void *value, uint64_t trace) : value(value), trace(trace) {}
  void *value = nullptr;
  uint64_t trace = 0;
};

// An operand of an operator: a tensor, or a number that takes the other operand's element type and
// shape. The source location of the expression rides along.
struct Operand {
  Operand(Tensor tensor, Loc loc = Loc::current()) : tensor(tensor), loc(loc) {}
  template <typename N>
    requires std::is_arithmetic_v<N>
  Operand(N number, Loc loc = Loc::current()) : number(double(number)), isNumber(true), loc(loc) {}
  template <typename T> // a parameter
    requires(std::convertible_to<const T &, Tensor> && !std::same_as<T, Tensor>)
  Operand(const T &value, Loc loc = Loc::current()) : tensor(value), loc(loc) {}
  Tensor tensor;
  double number = 0;
  bool isNumber = false;
  Loc loc;
};

// Elementwise, T[...], T[...] -> T[...] with NumPy broadcasting: shapes are aligned at the last
// dimension, sizes of 1 stretch. Both operands have one element type; see `convert`.

Tensor operator+(Operand x, Operand y);
Tensor operator-(Operand x, Operand y);
Tensor operator*(Operand x, Operand y);
Tensor operator/(Operand x, Operand y);
Tensor operator-(Operand x);

// f[...] -> f[...], angles in radians; abs takes integers too, round goes to the nearest with ties
// to even. Functions, as those of the C library with these names are: both may be in scope.
Tensor abs(Tensor x, Loc loc = Loc::current()), ceil(Tensor x, Loc loc = Loc::current()),
    cos(Tensor x, Loc loc = Loc::current());
Tensor erf(Tensor x, Loc loc = Loc::current()), exp(Tensor x, Loc loc = Loc::current()),
    expm1(Tensor x, Loc loc = Loc::current());
Tensor floor(Tensor x, Loc loc = Loc::current()), log(Tensor x, Loc loc = Loc::current()),
    log1p(Tensor x, Loc loc = Loc::current());
Tensor round(Tensor x, Loc loc = Loc::current()), sin(Tensor x, Loc loc = Loc::current()),
    sqrt(Tensor x, Loc loc = Loc::current());
Tensor tanh(Tensor x, Loc loc = Loc::current());

// A function of one tensor that is also a layer: relu(x), dense(784, 128, relu), dense(784, 128,
// tanh). Elementwise, and of floats (neg, sign and square of integers too), except:
//   identity, stop_gradient   T[...] -> T[...]; the cotangent of the latter's operand is zero
//   is_finite                 f[...] -> i1[...]
//   not_                      of integers bit by bit, of i1 the negation
//   gelu                      x Phi(x) with the error function, not its tanh approximation
//   flatten                   T[N, ...] -> T[N, product of the rest]
//   global_avg_pool           f[N, C, spatial...] -> f[N, C]
struct Unary {
  constexpr explicit Unary(const char *mnemonic) : mnemonic(mnemonic) {}
  Unary(Tensor (*function)(Tensor, Loc));
  const char *mnemonic;
  Tensor (*function)(Tensor, Loc) = nullptr; // the mnemonic's where null
  Tensor operator()(Tensor x, Loc loc = Loc::current()) const;
};
inline constexpr Unary identity{"identity"}, gelu{"gelu"}, is_finite{"is_finite"}, neg{"neg"},
    not_{"not"}, relu{"relu"}, rsqrt{"rsqrt"}, sigmoid{"sigmoid"}, sign{"sign"}, silu{"silu"},
    square{"square"}, stop_gradient{"stop_gradient"}, flatten{"flatten"},
    global_avg_pool{"global_avg_pool"};

// Integers divide towards zero; the remainder has the dividend's sign. pow and atan2 are of floats,
// and_, or_ and xor_ of integers and i1.
Tensor add(Operand x, Operand y), sub(Operand x, Operand y), mul(Operand x, Operand y),
    div(Operand x, Operand y);
Tensor max(Operand x, Operand y), min(Operand x, Operand y), pow(Operand x, Operand y),
    remainder(Operand x, Operand y);
Tensor atan2(Operand y, Operand x), and_(Operand x, Operand y), or_(Operand x, Operand y),
    xor_(Operand x, Operand y);
// T[...], T[...] -> i1[...]; every comparison with a NaN is false, but for ne.
Tensor eq(Operand x, Operand y), ne(Operand x, Operand y), lt(Operand x, Operand y),
    le(Operand x, Operand y), gt(Operand x, Operand y), ge(Operand x, Operand y);
// pred i1[...]: on_true where pred, else on_false; the branch not taken gets a zero cotangent
// whatever its value.
Tensor select(Tensor pred, Operand on_true, Operand on_false);
// min(max(x, low), high).
Tensor clamp(Operand low, Operand x, Operand high);
// To another element type: floats to integers towards zero and saturating, to i1 as x != 0.
Tensor convert(Tensor x, DType type, Loc loc = Loc::current());

// Constants.

Tensor full(Type type, double value, Loc loc = Loc::current());
Tensor zeros(Type type, Loc loc = Loc::current());
Tensor ones(Type type, Loc loc = Loc::current());
// Each element is its index along dim.
Tensor iota(Type type, int64_t dim = 0, Loc loc = Loc::current());
// Row-major values.
Tensor constant(Type type, std::vector<double> values, Loc loc = Loc::current());

// Shape.

// The same elements in row-major order; one size may be -1.
Tensor reshape(Tensor x, Shape shape, Loc loc = Loc::current());
// Dimension d of the result is dimension permutation[d] of x; empty: reversed dimensions.
Tensor transpose(Tensor x, Shape permutation = {}, Loc loc = Loc::current());
// Dimension d of x becomes dims[d] of the result; the others, and sizes of 1, repeat.
Tensor broadcast_in_dim(Tensor x, Shape shape, Shape dims, Loc loc = Loc::current());
Tensor broadcast_to(Tensor x, Shape shape, Loc loc = Loc::current()); // as NumPy
// Elements start, start + stride, ... below limit of every dimension; stride empty: ones.
Tensor slice(Tensor x, Shape start, Shape limit, Shape stride = {}, Loc loc = Loc::current());
// `value` before, after and between the elements of every dimension.
Tensor pad(Tensor x, double value, Shape low, Shape high, Shape interior = {},
           Loc loc = Loc::current());
// Along an axis that exists, and along a new one.
Tensor concatenate(std::vector<Tensor> xs, int64_t axis = 0, Loc loc = Loc::current());
Tensor stack(std::vector<Tensor> xs, int64_t axis = 0, Loc loc = Loc::current());
Tensor reverse(Tensor x, Shape dims, Loc loc = Loc::current());
Tensor expand_dims(Tensor x, int64_t axis, Loc loc = Loc::current()); // a new size of 1
Tensor squeeze(Tensor x, int64_t axis, Loc loc = Loc::current());     // takes a size of 1 away

// Reduction, T[...] -> T[...] without the named axes; no axes: all. Negative axes count from the
// end. mean, var and logsumexp are of floats.

struct ReduceOptions {
  bool keepdims = false;
};
Tensor sum(Tensor x, Shape axes = {}, ReduceOptions options = {}, Loc loc = Loc::current());
Tensor prod(Tensor x, Shape axes = {}, ReduceOptions options = {}, Loc loc = Loc::current());
Tensor mean(Tensor x, Shape axes = {}, ReduceOptions options = {}, Loc loc = Loc::current());
// The mean square distance from the mean: divided by n, not n - 1.
Tensor var(Tensor x, Shape axes = {}, ReduceOptions options = {}, Loc loc = Loc::current());
Tensor reduce_max(Tensor x, Shape axes = {}, ReduceOptions options = {}, Loc loc = Loc::current());
Tensor reduce_min(Tensor x, Shape axes = {}, ReduceOptions options = {}, Loc loc = Loc::current());
Tensor logsumexp(Tensor x, Shape axes = {}, ReduceOptions options = {}, Loc loc = Loc::current());
// i32 index of the first of the largest; NaN counts as largest.
Tensor argmax(Tensor x, int64_t axis = -1, Loc loc = Loc::current());
Tensor argmin(Tensor x, int64_t axis = -1, Loc loc = Loc::current());

// Contraction, convolution, windows.

Tensor dot(Tensor x, Tensor y, Loc loc = Loc::current()); // T[n], T[n] -> T[]
// T[batch..., m, k], T[batch..., k, n] -> T[batch..., m, n].
Tensor matmul(Tensor x, Tensor y, Loc loc = Loc::current());
// "bij,bjk->bik": letters on both sides and in the result batch, those not in the result are
// summed; no letter twice on one side.
Tensor einsum(const std::string &equation, Tensor x, Tensor y, Loc loc = Loc::current());
struct DotDims {
  Shape lhs_batching = {}, rhs_batching = {}, lhs_contracting = {}, rhs_contracting = {};
};
// The result has the batching dimensions, then x's others, then y's.
Tensor dot_general(Tensor x, Tensor y, DotDims dims, Loc loc = Loc::current());

// x f[N, C, spatial...], weight f[O, C / groups, window...] -> f[N, O, spatial'...], as ONNX Conv:
// a cross-correlation, spatial' = (spatial + 2 pad - dilation (window - 1) - 1) / stride + 1. One
// number stands for all spatial dimensions.
struct ConvolutionOptions {
  Shape stride = {1}, pad = {0}, dilation = {1};
  int64_t groups = 1;
};
Tensor convolution(Tensor x, Tensor weight, ConvolutionOptions options = {},
                   Loc loc = Loc::current());
// The transpose of convolution over x, as ONNX ConvTranspose: weight f[C, O / groups, window...],
// spatial' = (spatial - 1) stride - 2 pad + dilation (window - 1) + 1.
Tensor convolution_transpose(Tensor x, Tensor weight, ConvolutionOptions options = {},
                             Loc loc = Loc::current());

// Windows over the dimensions after N and C, f[N, C, spatial...] -> f[N, C, spatial'...]; stride 0
// or none: the window. Padding never wins a maximum; avg_pool divides by the window's size, padding
// included unless count_include_pad is off.
struct PoolOptions {
  Shape window = {2}, stride = {}, pad = {0};
  bool count_include_pad = true;
};
Tensor max_pool(Tensor x, PoolOptions options, Loc loc);
Tensor avg_pool(Tensor x, PoolOptions options, Loc loc);

// Indexing, networks, random.

// x with its axis replaced by the shape of indices (i32 or i64): a lookup. Indices out of range are
// clamped.
Tensor gather(Tensor x, Tensor indices, int64_t axis = 0, Loc loc = Loc::current());
// x with `updates`, shaped as gather's result, added at the indices; repeated ones add up.
Tensor scatter(Tensor x, Tensor indices, Tensor updates, int64_t axis = 0,
               Loc loc = Loc::current());
// i32[...] -> type[..., classes]; a row of zeros where the index is out of range.
Tensor one_hot(Tensor indices, int64_t classes, DType type = DType::f32, Loc loc = Loc::current());
// f[...] -> f[...], sums of 1 along the axis, from differences to the largest.
Tensor softmax(Tensor x, int64_t axis = -1, Loc loc = Loc::current());
Tensor log_softmax(Tensor x, int64_t axis = -1, Loc loc = Loc::current());

// Drawn anew every step, the same for the same seed (counter-based, Philox4x32-10).
Tensor random_uniform(Type type, Loc loc = Loc::current()); // [0, 1)
Tensor random_normal(Type type, Loc loc = Loc::current());

// Stops the entry point with `message`, its state unchanged, where pred is false.
void check(Tensor pred, const std::string &message, Loc loc = Loc::current());

} // namespace fluxion
