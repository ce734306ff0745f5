# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# What `cmake --install` lays down, always as bin/ lib/ include/ so that programs find each other:
#   lib/libfluxion.so            the compiler, for programs that use the DSL        Fluxion::fluxion
#   lib/libfluxion_rt.a          what a compiled program links                      Fluxion::runtime
#   lib/libfluxion_train.a       data files and the training loop of executables    Fluxion::train
#   lib/libfluxion_halide.so     window kernels, loaded when one is wanted
#   bin/fluxion, bin/fluxion-opt, include/fluxion/, lib/cmake/Fluxion/
include(CMakePackageConfigHelpers)

set(layers FluxionIR FluxionPasses FluxionCodegen FluxionFrontend FluxionDriver)
set(objects ${layers})
list(TRANSFORM objects REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>")
add_library(FluxionShared SHARED ${objects})
set_target_properties(FluxionShared PROPERTIES OUTPUT_NAME fluxion EXPORT_NAME fluxion
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR} INSTALL_RPATH_USE_LINK_PATH ON)
target_link_libraries(FluxionShared PRIVATE ${layers})
target_include_directories(FluxionShared INTERFACE $<INSTALL_INTERFACE:include>)
target_compile_features(FluxionShared INTERFACE cxx_std_20)
set_target_properties(fluxion_rt PROPERTIES EXPORT_NAME runtime)
install(TARGETS FluxionShared fluxion_rt EXPORT FluxionTargets LIBRARY DESTINATION lib ARCHIVE DESTINATION lib)
if(TARGET fluxion_train)
  set_target_properties(fluxion_train PROPERTIES EXPORT_NAME train)
  install(TARGETS fluxion_train EXPORT FluxionTargets ARCHIVE DESTINATION lib)
endif()
foreach(program fluxion fluxion-opt FluxionHalide)
  if(TARGET ${program})
    set_target_properties(${program} PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
    install(TARGETS ${program} RUNTIME DESTINATION bin LIBRARY DESTINATION lib)
  endif()
endforeach()
install(DIRECTORY frontend/include/fluxion runtime/include/fluxion DESTINATION include FILES_MATCHING PATTERN "*.h")

configure_package_config_file(cmake/FluxionConfig.cmake.in ${CMAKE_BINARY_DIR}/cmake/FluxionConfig.cmake
  INSTALL_DESTINATION lib/cmake/Fluxion)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/cmake/FluxionConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/cmake/FluxionConfig.cmake ${CMAKE_BINARY_DIR}/cmake/FluxionConfigVersion.cmake
  DESTINATION lib/cmake/Fluxion)
install(EXPORT FluxionTargets NAMESPACE Fluxion:: DESTINATION lib/cmake/Fluxion)
install(FILES LICENSE DESTINATION share/doc/fluxion)
