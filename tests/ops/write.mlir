// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// A write takes effect when the entry point ends.
// CHECK: fluxion.write @w, %{{.+}} : tensor<2xf32>
// CHECK: fluxion.write @step, %{{.+}} : tensor<i64>
fluxion.state param @w : tensor<2xf32>
fluxion.state step @step : tensor<i64>

func.func @init(%seed: tensor<i64>) {
  %w = fluxion.constant dense<[1.0, 2.0]> : tensor<2xf32>
  fluxion.write @w, %w : tensor<2xf32>
  fluxion.write @step, %seed : tensor<i64>
  return
}

// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[2] [1, 2]{{$}}
// VALUE-NEXT: result1: i64[] 1{{$}}
func.func @value() -> (tensor<2xf32>, tensor<i64>) {
  %two = fluxion.constant dense<2.0> : tensor<2xf32>
  %w = fluxion.read @w : tensor<2xf32>
  %n = fluxion.mul %w, %two : tensor<2xf32>
  fluxion.write @w, %n : tensor<2xf32>
  %again = fluxion.read @w : tensor<2xf32>
  %s = fluxion.read @step : tensor<i64>
  return %again, %s : tensor<2xf32>, tensor<i64>
}

// VALUE-LABEL: @after{{$}}
// VALUE-NEXT: result0: f32[2] [2, 4]{{$}}
func.func @after() -> tensor<2xf32> {
  %w = fluxion.read @w : tensor<2xf32>
  return %w : tensor<2xf32>
}

//--- invalid.mlir

func.func @write_c1(%x: tensor<2xf32>) {
  // expected-error@+1 {{write_c1: no state named @v}}
  fluxion.write @v, %x : tensor<2xf32>
  return
}

// -----

fluxion.state param @w : tensor<2xf32>
func.func @write_c1_type(%x: tensor<3xf32>) {
  // expected-error@+1 {{write_c1: state @w is 'tensor<2xf32>', not 'tensor<3xf32>'}}
  fluxion.write @w, %x : tensor<3xf32>
  return
}
