#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutions that bench/gpu.py times beside cuDNN's, as one module on standard output.

Each is there three times: by our kernels, by the library on the same inputs (NAME_library), and by
the library on a kernel that lies as it wants it (NAME_alone); libraryRunner.cpp reads the names."""

# precision, images, height and width, features in, features out, window, step, what is computed
CASES = (
    ("bf16", 128, 16, 32, 32, 3, 1, "forward"), ("bf16", 128, 8, 64, 64, 3, 1, "forward"),
    ("bf16", 32, 56, 64, 64, 3, 1, "forward"), ("bf16", 32, 28, 128, 128, 3, 1, "forward"),
    ("bf16", 32, 14, 256, 256, 3, 1, "forward"), ("bf16", 32, 56, 64, 256, 1, 1, "forward"),
    ("bf16", 32, 28, 128, 128, 3, 1, "input"), ("bf16", 32, 28, 128, 128, 3, 1, "kernel"),
    ("tf32", 128, 32, 16, 16, 3, 1, "forward"), ("tf32", 128, 16, 32, 32, 3, 1, "forward"),
    ("tf32", 128, 32, 16, 32, 3, 2, "forward"), ("tf32", 128, 16, 32, 32, 3, 1, "input"),
    ("tf32", 128, 16, 32, 32, 3, 1, "kernel"), ("tf32", 128, 32, 16, 32, 3, 2, "input"),
    ("tf32", 128, 32, 16, 32, 3, 2, "kernel"), ("f32", 32, 28, 128, 128, 3, 1, "forward"))


def attributes(window, step, computes, precision, size, alone):
    """Of the op: an input gradient has its input dilated and the kernel reversed, a kernel gradient
    exchanges batch and features."""
    pad = window // 2
    rest = (size + 2 * pad - window) % step  # positions of the input that no window reaches
    image = "0, 3, 1, 2" if computes != "kernel" else "3, 0, 1, 2"
    kernel = {"forward": "0, 3, 1, 2" if alone else "3, 2, 0, 1",
              "input": "3, 0, 1, 2" if alone else "2, 3, 0, 1", "kernel": "3, 0, 1, 2"}[computes]
    output = "0, 3, 1, 2" if computes != "kernel" else "3, 0, 1, 2" if alone else "2, 3, 0, 1"
    low, high = {"forward": (pad, pad), "input": (window - 1 - pad, window - 1 - pad + rest),
                 "kernel": (pad, pad - rest)}[computes]
    strides, inner, outer = {"forward": (step, 1, 1), "input": (1, step, 1),
                             "kernel": (1, 1, step)}[computes]
    lists = {"input_dims": image, "kernel_dims": kernel, "output_dims": output,
             "padding": f"{low}, {high}, {low}, {high}", "window_strides": f"{strides}, {strides}",
             "lhs_dilation": f"{inner}, {inner}", "rhs_dilation": f"{outer}, {outer}"}
    text = ", ".join(f"{name} = array<i64: {values}>" for name, values in lists.items())
    text += ", window_reversal" if computes == "input" else ""
    return text + (", precision = #fluxion<precision tf32>" if precision == "tf32" else "")


def function(precision, images, size, ins, outs, window, step, computes, variant):
    element = "bf16" if precision == "bf16" else "f32"
    small = (size + 2 * (window // 2) - window) // step + 1
    alone = variant == "_alone"

    def tensor(*sizes):
        return f"tensor<{'x'.join(map(str, sizes))}x{element}>"
    image, result = tensor(images, size, size, ins), tensor(images, small, small, outs)
    kernel = tensor(outs, window, window, ins) if alone else tensor(window, window, ins, outs)
    left, right, out = {"forward": (image, kernel, result), "input": (result, kernel, image),
                        "kernel": (image, result, kernel)}[computes]
    name = f"{precision}_{computes}_{images}x{size}x{ins}-{outs}_k{window}s{step}{variant}"
    schedule = ' schedule <{backend = "library"}>' if variant else ""
    return f"""func.func @"{name}"(%x: {left}, %w: {right}) -> {out} attributes {{fluxion.entry}} {{
  %y = fluxion.kernel contract "{computes}"(%x, %w){schedule} {{
  ^bb0(%a: {left}, %b: {right}):
    %c = fluxion.convolution %a, %b {{{attributes(window, step, computes, precision, size, alone)}}} : ({left}, {right}) -> {out}
    fluxion.yield %c : {out}
  }} : ({left}, {right}) -> {out}
  return %y : {out}
}}"""


if __name__ == "__main__":
    print("\n".join(function(*case, variant) for case in CASES
                    for variant in ("", "_library", "_alone")))
