// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// Repeated indices add up, those outside are clamped.
// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.scatter %{{.+}}, %{{.+}}, %{{.+}} axis 0 : tensor<3xf32>, tensor<4xi32>, tensor<4xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[3] [102, 200, 308]{{$}}
func.func @value() -> tensor<3xf32> {
  %x = fluxion.constant dense<[100.0, 200.0, 300.0]> : tensor<3xf32>
  %i = fluxion.constant dense<[2, 0, 2, 9]> : tensor<4xi32>
  %u = fluxion.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %y = fluxion.scatter %x, %i, %u axis 0 : tensor<3xf32>, tensor<4xi32>, tensor<4xf32>
  return %y : tensor<3xf32>
}

// CHECK-LABEL: func.func @integers(
// CHECK: %{{.+}} = fluxion.scatter %{{.+}}, %{{.+}}, %{{.+}} axis 1 : tensor<2x2xi32>, tensor<1xi64>, tensor<2x1xi32>
// VALUE-LABEL: @integers{{$}}
// VALUE-NEXT: result0: i32[2, 2] {{\[\[}}0, 5], [0, 6]]{{$}}
func.func @integers() -> tensor<2x2xi32> {
  %x = fluxion.constant dense<[[0, 0], [0, 0]]> : tensor<2x2xi32>
  %i = fluxion.constant dense<[1]> : tensor<1xi64>
  %u = fluxion.constant dense<[[5], [6]]> : tensor<2x1xi32>
  %y = fluxion.scatter %x, %i, %u axis 1 : tensor<2x2xi32>, tensor<1xi64>, tensor<2x1xi32>
  return %y : tensor<2x2xi32>
}

// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[3] [1, 10, 1000]{{$}}
// VALUE-NEXT: result1: f32[4] [1000, 1, 1000, 1000]{{$}}
func.func @adjoint() -> (tensor<3xf32>, tensor<4xf32>) {
  %x = fluxion.constant dense<[100.0, 200.0, 300.0]> : tensor<3xf32>
  %i = fluxion.constant dense<[2, 0, 2, 9]> : tensor<4xi32>
  %u = fluxion.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %d0 = fluxion.constant dense<[1.0, 10.0, 1000.0]> : tensor<3xf32>
  %r:3 = fluxion.vjp(%x, %u) cotangents(%d0) wrt [0, 1] {
  ^bb0(%a: tensor<3xf32>, %b: tensor<4xf32>):
    %c = fluxion.scatter %a, %i, %b axis 0 : tensor<3xf32>, tensor<4xi32>, tensor<4xf32>
    fluxion.yield %c : tensor<3xf32>
  } : (tensor<3xf32>, tensor<4xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<4xf32>)
  return %r#1, %r#2 : tensor<3xf32>, tensor<4xf32>
}

//--- invalid.mlir

func.func @scatter_c1(%x: tensor<3xf32>, %i: tensor<4xi32>, %u: tensor<4xf32>) {
  // expected-error@+1 {{scatter_c1: axis 1 of 'tensor<3xf32>' must be in range}}
  %y = fluxion.scatter %x, %i, %u axis 1 : tensor<3xf32>, tensor<4xi32>, tensor<4xf32>
  return
}

// -----

func.func @scatter_c2(%x: tensor<3xf32>, %i: tensor<4xi32>, %u: tensor<3xf32>) {
  // expected-error@+1 {{scatter_c2: updates are 'tensor<3xf32>' but must be 'tensor<4xf32>'}}
  %y = fluxion.scatter %x, %i, %u axis 0 : tensor<3xf32>, tensor<4xi32>, tensor<3xf32>
  return
}
