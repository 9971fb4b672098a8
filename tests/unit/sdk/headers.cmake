# Each header of the SDK alone, as strict ISO C17 and C++17, and the headers after one another.
#     cmake -DINCLUDE=... -DCC=... [-DCXX=...] -DWORK=... -P headers.cmake
function(compile text)
  file(WRITE ${WORK}/header.c "${text}")
  file(COPY_FILE ${WORK}/header.c ${WORK}/header.cpp)
  set(strict -Wall -Wextra -Wpedantic -Wconversion -Wno-sign-conversion -Wshadow -Wundef
             -pedantic-errors -Werror -I${INCLUDE} -fsyntax-only)
  execute_process(COMMAND ${CC} -std=c17 -Wstrict-prototypes ${strict} ${WORK}/header.c
                  RESULT_VARIABLE in_c)
  set(in_cpp 0)
  if(CXX)
    execute_process(COMMAND ${CXX} -std=c++17 ${strict} ${WORK}/header.cpp RESULT_VARIABLE in_cpp)
  endif()
  if(in_c OR in_cpp)
    message(SEND_ERROR "does not compile alone:\n${text}")
  endif()
endfunction()

file(GLOB headers RELATIVE ${INCLUDE} ${INCLUDE}/headgate/*.h)
set(all "")
foreach(header ${headers})
  compile("#include \"${header}\"\n#include \"${header}\"\n")
  set(all "#include \"${header}\"\n${all}")
endforeach()
compile("${all}")
