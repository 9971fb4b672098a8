# Installs the SDK into a folder of its own and builds plugins with nothing but that: by CMake, by
# pkg-config, and in C++ when there is a compiler for it.
#     cmake -DBUILD=... -DSOURCE=... -DTOOL=... -DWORK=... -DCC=... [-DCXX=...] -P package.cmake
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output
                  ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${ARGN}: ${result}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

function(expect_plugin file what)
  run(${TOOL} plugin inspect ${file})
  if(NOT output MATCHES "${what}")
    message(FATAL_ERROR "${file} is not \"${what}\":\n${output}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/sdk --component sdk)

set(plugin_dir ${SOURCE}/tests/plugins)
run(${CMAKE_COMMAND} -S ${SOURCE}/tests/unit/sdk/outside -B ${WORK}/by-cmake
    -DCMAKE_C_COMPILER=${CC} -DCMAKE_PREFIX_PATH=${WORK}/sdk -DPLUGIN_DIR=${plugin_dir})
run(${CMAKE_COMMAND} --build ${WORK}/by-cmake)
expect_plugin(${WORK}/by-cmake/outside.so "connector numbers")

file(GLOB_RECURSE pc ${WORK}/sdk/*/headgate-sdk.pc)
get_filename_component(pc_dir ${pc} DIRECTORY)
set(ENV{PKG_CONFIG_PATH} ${pc_dir})
run(pkg-config --cflags headgate-sdk)
separate_arguments(cflags UNIX_COMMAND "${output}")
run(pkg-config --libs headgate-sdk)
separate_arguments(libs UNIX_COMMAND "${output}")
set(strict -Wall -Wextra -Wpedantic -Wconversion -Wno-sign-conversion -Werror)
run(${CC} -std=c17 ${strict} ${cflags} -shared -o ${WORK}/by-pkg-config.so
    ${plugin_dir}/numbers.c ${plugin_dir}/source.c ${libs})
expect_plugin(${WORK}/by-pkg-config.so "connector numbers")

if(CXX)
  run(${CXX} -std=c++17 ${strict} ${cflags} -fno-exceptions -fno-rtti -shared
      -o ${WORK}/in-cpp.so ${SOURCE}/tests/unit/sdk/outside/plugin.cpp ${libs})
  expect_plugin(${WORK}/in-cpp.so "rule in_cpp")
endif()
